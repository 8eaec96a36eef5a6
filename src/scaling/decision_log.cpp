#include "scaling/decision_log.hpp"

#include "scaling/explain.hpp"

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <charconv>
#include <set>
#include <stdexcept>

namespace troupe::scaling {
namespace {

namespace json = boost::json;

constexpr std::string_view format_name = "troupe-scaling-1";
constexpr std::string_view decision_key = ",\"decision\":";

json::array to_array(const machine& m) {
  return {m.id.raw(),  static_cast<int>(m.state), to_unix_ms(m.since), m.slots, m.busy, m.lost_work.count(), m.warm_models, m.use,
          m.is_planned};
}

machine machine_from(const json::array& from) {
  machine m;
  m.id = machine_id{from.at(0).to_number<std::uint64_t>()};
  const auto state = from.at(1).to_number<int>();
  if (state < 0 || state > static_cast<int>(machine_state::drained)) throw std::runtime_error{"no such state of a node"};
  m.state = static_cast<machine_state>(state);
  m.since = from_unix_ms(from.at(2).to_number<std::int64_t>());
  m.slots = from.at(3).to_number<int>();
  m.busy = from.at(4).to_number<int>();
  m.lost_work = duration{from.at(5).to_number<std::int64_t>()};
  m.warm_models = from.at(6).to_number<int>();
  m.use = from.at(7).to_number<int>();
  m.is_planned = from.at(8).as_bool();
  return m;
}

double number_from(std::string_view text) {
  double number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size()) throw std::runtime_error{"a value is no number"};
  return number;
}

/// @param known  the nodes of the line before; becomes those of this one
observation observation_of(const json::object& line, std::map<machine_id, machine>& known) {
  observation seen;
  seen.now = from_unix_ms(line.at("at").to_number<std::int64_t>());
  seen.term = line.at("term").to_number<std::uint64_t>();
  if (const auto* const resumed = line.if_contains("resumed")) seen.is_resumed = resumed->as_bool();
  if (const auto* const held = line.if_contains("held")) seen.is_held = held->as_bool();
  if (const auto* const steps = line.if_contains("handed_over")) seen.handed_over = steps_from(steps->as_object());
  for (const auto& each : line.at("samples").as_array()) {
    const auto& one = each.as_array();
    auto name = metric_from(one.at(0).as_string());
    if (!name) throw std::runtime_error{name.error().detail};
    seen.samples.emplace_back(std::move(*name),
                              sample{from_unix_ms(one.at(1).to_number<std::int64_t>()), number_from(one.at(2).as_string())});
  }
  for (const auto& each : line.at("nodes").as_array()) {
    auto m = machine_from(each.as_array());
    known.insert_or_assign(m.id, m);
  }
  for (const auto& each : line.at("gone").as_array()) known.erase(machine_id{each.to_number<std::uint64_t>()});
  seen.machines.desired = line.at("desired").to_number<int>();
  for (const auto& [id, m] : known) seen.machines.machines.push_back(m);
  return seen;
}

result<scaler> scaler_of(std::string_view head, std::string_view file) {
  const auto parsed = json::parse(json::string_view{head.data(), head.size()}).as_object();
  if (parsed.at("format").as_string() != format_name) throw std::runtime_error{"another format"};
  TROUPE_TRY(auto policy, parse_policy(std::string_view{parsed.at("policy").as_string()}, fmt::format("{} (policy)", file)));
  return scaler{std::move(policy), std::string{parsed.at("environment").as_string()}};
}

}  // namespace

std::string decision_log::head(std::string_view policy_text, std::string_view policy_file, std::string_view environment) {
  return json::serialize(
             json::object{{"format", format_name}, {"file", policy_file}, {"environment", environment}, {"policy", policy_text}})
         + "\n";
}

std::string decision_log::line(const observation& seen, const decision& d) {
  json::array samples;
  for (const auto& [of, value] : seen.samples)
    samples.push_back(json::array{to_string(of), to_unix_ms(value.at), fmt::format("{}", value.value)});
  json::array changed;
  std::set<machine_id> there;
  for (const auto& each : seen.machines.machines) {
    there.insert(each.id);
    const auto before = known_.find(each.id);
    if (before != known_.end() && before->second == each) continue;
    changed.push_back(to_array(each));
    known_.insert_or_assign(each.id, each);
  }
  json::array gone;
  std::erase_if(known_, [&](const auto& each) {
    if (there.contains(each.first)) return false;
    gone.emplace_back(each.first.raw());
    return true;
  });
  json::object told{{"at", to_unix_ms(seen.now)},       {"term", seen.term},           {"samples", std::move(samples)},
                    {"desired", seen.machines.desired}, {"nodes", std::move(changed)}, {"gone", std::move(gone)}};
  if (seen.is_resumed) told["resumed"] = true;
  if (seen.is_held) told["held"] = true;
  if (seen.handed_over) told["handed_over"] = to_json(*seen.handed_over);
  auto text = json::serialize(told);
  text.pop_back();
  return text.append(decision_key).append(json::serialize(to_json(d))).append("}\n");
}

result<void> log_replay::feed(std::string_view line) {
  ++number_;
  try {
    if (!machine_) {
      TROUPE_TRY(auto machine, scaler_of(line, file_));
      machine_ = std::move(machine);
      return {};
    }
    const auto at = line.find(decision_key);
    if (at == std::string_view::npos) throw std::runtime_error{"the line has no decision"};
    const auto seen = observation_of(json::parse(json::string_view{line.data(), line.size()}).as_object(), known_);
    const auto now = json::serialize(to_json(machine_->step(seen)));
    const auto then = line.substr(at + decision_key.size(), line.size() - at - decision_key.size() - 1);
    ++found_.decisions;
    if (now == then) return {};
    if (found_.differ++ == 0)
      found_.first_difference = fmt::format("{}:{}: the log has {}\nnow it is {}", file_, number_, then, now);
    return {};
  } catch (const std::exception& broken) {
    return error{errc::corrupt,
                 fmt::format("{}:{}:1: not a log of scaling decisions: {}; make one with troupe scale simulate --log", file_,
                             number_, broken.what())};
  }
}

result<replayed> replay(std::string_view log, std::string_view file) {
  log_replay lines{file};
  while (!log.empty()) {
    const auto line = log.substr(0, log.find('\n'));
    log.remove_prefix(std::min(log.size(), line.size() + 1));
    TROUPE_CHECK(lines.feed(line));
  }
  return lines.found();
}

}  // namespace troupe::scaling
