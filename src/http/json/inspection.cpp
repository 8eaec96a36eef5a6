#include "http/json/inspection.hpp"

#include "http/json/writer.hpp"

#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cmath>

namespace troupe::http::json {

namespace bj = boost::json;

namespace {

error bad(std::string detail) { return error{errc::bad_request, std::move(detail)}; }

result<bj::object> parse(std::string_view text) {
  bj::parse_options options;
  options.max_depth = 6;
  boost::system::error_code failure;
  auto value = bj::parse({text.data(), text.size()}, failure, {}, options);
  if (failure || !value.is_object()) return bad("what is to be watched must be a JSON object");
  return std::move(value.get_object());
}

result<std::set<std::string, std::less<>>> read_open(const bj::value& in) {
  const auto* const list = in.if_array();
  if (!list) return bad("`open` must be a list of paths");
  std::set<std::string, std::less<>> out;
  for (const auto& one : *list) {
    const auto* const text = one.if_string();
    if (!text) return bad("`open` must be a list of paths");
    out.emplace(text->data(), text->size());
  }
  return out;
}

std::optional<double> number_of(const bj::value& in) {
  boost::system::error_code failure;
  const auto number = in.to_number<double>(failure);
  return failure ? std::nullopt : std::optional{number};
}

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

void write_activity(writer& json, const actors::activity& doing) {
  json.begin_object();
  json.member("job", doing.job.text());
  json.member("pipeline", doing.pipeline);
  json.member("stage", doing.stage);
  json.member("instance", doing.instance);
  json.member("attempt", doing.attempt);
  json.member("permille", doing.permille);
  json.member("since", doing.since);
  json.end_object();
}

void write_times(writer& json, const std::vector<actors::actor_view::bucket>& times) {
  json.begin_array();
  for (const auto& bucket : times) {
    json.begin_array();
    if (std::isfinite(bucket.most_seconds))
      json.value(bucket.most_seconds);
    else
      json.value(nullptr);
    json.value(bucket.handled);
    json.end_array();
  }
  json.end_array();
}

void write_counts(writer& json, const actors::actor_counts& counts) {
  json.member("waiting", counts.waiting);
  json.member("handled", counts.handled);
  json.member("busy_seconds", seconds(counts.busy));
  json.member("in_line_seconds", seconds(counts.in_line));
  json.member("restarts", counts.restarts);
  json.key("received");
  json.begin_object();
  for (std::size_t who = 0; who < counts.received.size(); ++who)
    if (counts.received[who] > 0) json.member(to_string(static_cast<actors::party>(who)), counts.received[who]);
  json.end_object();
}

}  // namespace

result<inspection::watch> read_watch(std::string_view text) {
  TROUPE_TRY(const auto in, parse(text));
  inspection::watch out;
  for (const auto& [key, value] : in) {
    if (key == "open") {
      TROUPE_TRY(out.open, read_open(value));
    } else if (key == "hz") {
      out.hz = number_of(value).value_or(0);
    } else if (key == "most") {
      out.most = static_cast<std::uint32_t>(std::clamp(number_of(value).value_or(0), 0.0, 1e9));
    } else if (key == "scope") {
      if (value != "node" && value != "cluster") return bad("`scope` must be cluster or node");
      out.is_of_node_alone = value == "node";
    } else {
      return bad(fmt::format("'{}' is not known; there are open, hz, most and scope", std::string_view{key.data(), key.size()}));
    }
  }
  TROUPE_CHECK(inspection::check(out));
  return out;
}

std::string to_json(const inspection::watch& wanted) {
  std::string out;
  writer json{out};
  json.begin_object();
  json.key("open");
  json.begin_array();
  for (const auto& path : wanted.open) json.value(path);
  json.end_array();
  json.member("hz", wanted.hz);
  json.member("most", wanted.most);
  json.member("scope", wanted.is_of_node_alone ? "node" : "cluster");
  json.end_object();
  return out;
}

std::string to_json(const mark_content& content) {
  std::string out;
  writer json{out};
  json.begin_object();
  json.member("path", content.path);
  json.member("kind", content.kind);
  json.member("name", content.name);
  json.key("parent");
  if (content.parent.empty())
    json.value(nullptr);
  else
    json.value(content.parent);
  if (!content.state.empty()) json.member("state", content.state);
  json.member("actors", content.actors);
  if (content.at_work) json.member("at_work", *content.at_work);
  write_counts(json, content.counts);
  if (content.doing && *content.doing) {
    json.key("doing");
    write_activity(json, **content.doing);
  }
  if (content.times) {
    json.key("times");
    write_times(json, *content.times);
  }
  if (content.log) json.member("log", *content.log);
  if (content.sent_to) {
    json.key("sent_to");
    json.begin_object();
    for (const auto& [node, frames] : *content.sent_to) json.member(node, frames);
    json.end_object();
  }
  json.end_object();
  return out;
}

std::string as_state(std::string_view mark, std::string_view state) {
  auto in = parse(mark);
  if (!in) return std::string{mark};
  (*in)["state"] = bj::string_view{state.data(), state.size()};
  return bj::serialize(*in);
}

std::string to_json(const inspection::delta& what, std::uint64_t seq, timestamp at) {
  std::string out;
  writer json{out};
  json.begin_object();
  json.member("seq", seq);
  json.member("at", at);
  json.member("of", what.of);
  json.member("full", what.is_full);
  out += ",\"marks\":[";
  bool is_first = true;
  for (const auto& one : what.marks) {
    if (!std::exchange(is_first, false)) out += ',';
    out += one.json;
  }
  out += ']';
  json.key("gone");
  json.begin_array();
  for (const auto& path : what.gone) json.value(path);
  json.end_array();
  json.end_object();
  return out;
}

result<inspection::delta> read_delta(std::string_view text) {
  const auto in = parse(text);
  if (!in) return error{errc::corrupt, "it sent no window of its actors"};
  inspection::delta out;
  if (const auto* const full = in->if_contains("full")) out.is_full = *full == true;
  boost::system::error_code odd;
  if (const auto* const of = in->if_contains("of")) out.of = of->to_number<std::uint64_t>(odd);
  const auto list_of = [&](std::string_view name) {
    const auto* const found = in->if_contains({name.data(), name.size()});
    const auto* const list = found ? found->if_array() : nullptr;
    return list ? *list : bj::array{};
  };
  for (const auto& one : list_of("marks")) {
    const auto* const object = one.if_object();
    const auto* const path = object ? object->if_contains("path") : nullptr;
    if (!path || !path->is_string() || !inspection::is_path({path->get_string().data(), path->get_string().size()})) continue;
    const auto* const handled = object->if_contains("handled");
    boost::system::error_code none;
    out.marks.push_back(
        {std::string{path->get_string()}, bj::serialize(one), handled ? handled->to_number<std::uint64_t>(none) : 0});
  }
  for (const auto& one : list_of("gone"))
    if (one.is_string()) out.gone.emplace_back(one.get_string());
  return out;
}

}  // namespace troupe::http::json
