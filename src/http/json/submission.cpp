#include "http/json/submission.hpp"

#include "base/utf8.hpp"
#include "http/json/body.hpp"
#include "http/json/writer.hpp"
#include "http/request.hpp"

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace troupe::http::json {

namespace bj = boost::json;

namespace {

constexpr std::size_t labels_most = 16;
constexpr std::size_t label_name_most = 64;
constexpr std::size_t label_value_most = 256;
constexpr std::size_t reason_most = 1024;
constexpr std::uint64_t deadline_ms_most = std::uint64_t{366} * 24 * 3600 * 1000;

std::string_view view_of(const bj::string& text) { return {text.data(), text.size()}; }
error bad(std::string detail) { return error{errc::bad_request, std::move(detail)}; }

result<std::uint8_t> priority_from(std::string_view text) {
  if (text == "high") return std::uint8_t{9};
  if (text == "normal") return std::uint8_t{5};
  if (text == "low") return std::uint8_t{1};
  if (const auto number = to_number(text); number && *number <= 9) return static_cast<std::uint8_t>(*number);
  return bad("priority must be 0 to 9, or high, normal or low");
}

/// A scalar of JSON as a form would send it, so that both ways share their checks.
std::optional<std::string> scalar_text(const bj::value& value) {
  if (const auto* text = value.if_string()) return std::string{view_of(*text)};
  if (value.is_int64() || value.is_uint64() || value.is_bool()) return bj::serialize(value);
  return std::nullopt;
}

result<void> read_labels(const bj::value& value, submission& into) {
  const auto* labels = value.if_object();
  if (!labels) return bad("labels must be an object of texts");
  for (const auto& [name, content] : *labels) {
    const auto* text = content.if_string();
    if (!text) return bad(fmt::format("the label '{}' must be a text", std::string_view{name.data(), name.size()}));
    into.labels.emplace_back(std::string{name.data(), name.size()}, std::string{view_of(*text)});
  }
  return {};
}

result<void> read_pipeline(const bj::value& value, submission& into) {
  if (const auto* name = value.if_string()) {
    into.pipeline = view_of(*name);
  } else if (value.is_object()) {
    into.inline_pipeline = bj::serialize(value);
  } else {
    return bad("pipeline must be the name of an installed pipeline, or a pipeline object");
  }
  return {};
}

result<void> read_member(std::string_view name, bj::value& value, submission& into) {
  if (name == "pipeline") return read_pipeline(value, into);
  if (name == "labels") return read_labels(value, into);
  if (name == "inputs") {
    if (!value.is_object()) return bad("inputs must be an object");
    into.inputs = std::move(value.get_object());
    return {};
  }
  if (name == "priority" || name == "deadline" || name == "deadline_ms" || name == "accept_cheaper") {
    if (value.is_null()) return {};
    const auto text = scalar_text(value);
    if (!text) return bad(fmt::format("{} must be a number or a text", name));
    TROUPE_CHECK(read_submission_field(name, *text, into));
    return {};
  }
  return bad(
      fmt::format("unknown member '{}'; known: pipeline, inputs, priority, labels, deadline, deadline_ms, "
                  "accept_cheaper",
                  name));
}

/// Takes the inputs out of the body.
result<submission> submission_from(bj::object& body) {
  submission out;
  for (auto& member : body) TROUPE_CHECK(read_member({member.key().data(), member.key().size()}, member.value(), out));
  if (out.pipeline.empty() && out.inline_pipeline.empty()) return bad("the member 'pipeline' is missing; see /v1/pipelines");
  TROUPE_CHECK(check_labels(out));
  return out;
}

/// Takes the key out of the item: the rest is as it would be alone.
batch_item item_from(bj::value& value) {
  auto* const body = value.if_object();
  if (!body) return {{}, bad("the job must be a JSON object")};
  constexpr std::string_view name = "idempotency_key";
  std::optional<std::string> key;
  if (const auto* given = body->if_contains(name)) {
    const auto* text = given->if_string();
    if (!text) return {{}, bad("idempotency_key must be a text")};
    key = std::string{view_of(*text)};
    if (const auto checked = check_idempotency_key(*key); !checked) return {{}, checked.error()};
    body->erase(name);
  }
  return {std::move(key), submission_from(*body)};
}

void write_sorted(writer& json, const bj::value& value);

/// JSON with sorted keys, so that equal values have equal texts.
void write_sorted(writer& json, const bj::object& object) {
  std::vector<const bj::key_value_pair*> members;
  for (const auto& member : object) members.push_back(&member);
  std::ranges::sort(members, {}, [](const auto* member) { return member->key(); });
  json.begin_object();
  for (const auto* member : members) {
    json.key({member->key().data(), member->key().size()});
    write_sorted(json, member->value());
  }
  json.end_object();
}

void write_sorted(writer& json, const bj::value& value) {
  if (const auto* object = value.if_object()) {
    write_sorted(json, *object);
  } else if (const auto* array = value.if_array()) {
    json.begin_array();
    for (const auto& element : *array) write_sorted(json, element);
    json.end_array();
  } else {
    json.value(value);
  }
}

}  // namespace

result<bool> read_submission_field(std::string_view name, std::string_view text, submission& into) {
  constexpr std::string_view label_prefix = "labels.";
  if (name == "pipeline") {
    into.pipeline = text;
  } else if (name == "priority") {
    TROUPE_TRY(into.priority, priority_from(text));
  } else if (name == "deadline") {
    into.deadline = time_from(text);
    if (!into.deadline) return bad("deadline must be a time such as 2030-01-31T12:00:00Z");
  } else if (name == "deadline_ms") {
    const auto number = to_number(text);
    if (!number || *number == 0 || *number > deadline_ms_most) return bad("deadline_ms must be 1 to 31622400000 (366 days)");
    into.deadline_in = duration{*number};
  } else if (name == "accept_cheaper") {
    if (text != "true" && text != "false") return bad("accept_cheaper must be true or false");
    into.accepts_cheaper = text == "true";
  } else if (name.starts_with(label_prefix)) {
    into.labels.emplace_back(name.substr(label_prefix.size()), text);
  } else {
    return false;
  }
  if (into.deadline && into.deadline_in) return bad("deadline and deadline_ms exclude each other");
  return true;
}

result<void> check_labels(const submission& what) {
  if (what.labels.size() > labels_most) return bad(fmt::format("a job has at most {} labels", labels_most));
  for (auto at = what.labels.begin(); at != what.labels.end(); ++at) {
    const auto& [name, value] = *at;
    if (name.empty() || name.size() > label_name_most)
      return bad(fmt::format("a label's name has 1 to {} bytes", label_name_most));
    if (value.size() > label_value_most) return bad(fmt::format("the label '{}' has more than {} bytes", name, label_value_most));
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    for (const auto& text : {name, value}) {
      if (!is_utf8(text) || std::ranges::any_of(text, is_control))
        return bad(fmt::format("the label '{}' must be UTF-8 without control characters", valid_utf8(name)));
    }
    const auto is_same = [&](const auto& other) { return other.first == name; };
    if (std::find_if(what.labels.begin(), at, is_same) != at) return bad(fmt::format("the label '{}' was given twice", name));
  }
  return {};
}

result<submission> read_submission(std::string_view text) {
  TROUPE_TRY(auto body, parse_object(text));
  return submission_from(body);
}

result<void> check_idempotency_key(std::string_view key) {
  const bool is_visible = std::ranges::all_of(key, [](char c) { return c > 0x20 && c < 0x7f; });
  if (key.empty() || key.size() > 255 || !is_visible) return bad("an idempotency key has 1 to 255 visible ASCII characters");
  return {};
}

result<std::vector<batch_item>> read_batch(std::string_view text, const batch_limits& limits) {
  TROUPE_TRY(auto body, parse_object(text));
  auto* const jobs = body.if_contains("jobs");
  if (!jobs || !jobs->is_array() || body.size() != 1) return bad("the body of a batch is {\"jobs\": [...]}");
  auto& list = jobs->get_array();
  if (list.empty()) return bad("the batch is empty");
  if (list.size() > limits.jobs_most)
    return error{errc::too_large, fmt::format("a batch has at most {} jobs, this one has {}", limits.jobs_most, list.size())};
  const bool may_be_too_large = text.size() > limits.each_most.count();
  std::vector<batch_item> out;
  out.reserve(list.size());
  for (auto& item : list) {
    if (may_be_too_large && bj::serialize(item).size() > limits.each_most.count()) {
      out.push_back({{}, error{errc::too_large, fmt::format("the job is larger than {} bytes", limits.each_most.count())}});
    } else {
      out.push_back(item_from(item));
    }
  }
  return out;
}

digest request_hash(const digest& pipeline_hash, const submission& what, const bj::object& inputs) {
  auto labels = what.labels;
  std::ranges::sort(labels);
  std::string text;
  writer json{text};
  json.begin_array();
  json.value(pipeline_hash);
  write_sorted(json, inputs);
  json.value(what.priority);
  for (const auto& [name, value] : labels) {
    json.value(name);
    json.value(value);
  }
  json.value(what.deadline);
  if (what.accepts_cheaper) json.value("accept_cheaper");
  json.end_array();
  return sha256_of(text);
}

result<std::string> read_cancel_reason(std::string_view text) {
  if (text.empty()) return std::string{};
  TROUPE_TRY(const auto body, parse_object(text));
  std::string reason;
  for (const auto& [key, value] : body) {
    const auto* content = value.if_string();
    if (key != "reason" || !content) return bad("the body of a cancel request is {\"reason\": \"...\"} or empty");
    if (content->size() > reason_most) return bad(fmt::format("the reason has more than {} bytes", reason_most));
    reason = view_of(*content);
  }
  return reason;
}

result<drain_request> read_drain(std::string_view text) {
  constexpr std::int64_t year = std::int64_t{365} * 24 * 3600 * 1000;
  drain_request wanted;
  if (text.empty()) return wanted;
  TROUPE_TRY(const auto body, parse_object(text));
  for (const auto& [key, value] : body) {
    const auto* number = value.if_int64();
    const auto* flag = value.if_bool();
    if (key == "deadline_ms" && number && *number >= 0 && *number <= year)
      wanted.deadline = duration{*number};
    else if (key == "dry_run" && flag)
      wanted.is_dry_run = *flag;
    else
      return bad("the body of a drain request is {\"deadline_ms\": 0 to a year, \"dry_run\": true or false}, or empty");
  }
  return wanted;
}

}  // namespace troupe::http::json
