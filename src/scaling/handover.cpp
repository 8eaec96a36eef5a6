#include "scaling/handover.hpp"

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <exception>

namespace troupe::scaling {
namespace {

namespace json = boost::json;

void put(json::object& into, std::string_view name, const std::optional<timestamp>& at) {
  if (at) into[name] = to_unix_ms(*at);
}

timestamp time_of(const json::value& ms) { return from_unix_ms(ms.to_number<std::int64_t>()); }

std::optional<timestamp> time_at(const json::object& from, std::string_view name) {
  const auto* const found = from.if_contains(name);
  return found ? std::optional{time_of(*found)} : std::nullopt;
}

}  // namespace

json::object to_json(const steps_taken& steps) {
  json::object out;
  put(out, "last_out_ms", steps.last_out);
  put(out, "last_in_ms", steps.last_in);
  put(out, "paused_since_ms", steps.paused_since);
  json::array actions, moved;
  for (const auto at : steps.actions) actions.emplace_back(to_unix_ms(at));
  for (const auto& [at, nodes] : steps.moved) moved.push_back(json::array{to_unix_ms(at), nodes});
  out["actions_ms"] = std::move(actions);
  out["moved"] = std::move(moved);
  return out;
}

steps_taken steps_from(const json::object& from) {
  steps_taken steps;
  steps.last_out = time_at(from, "last_out_ms");
  steps.last_in = time_at(from, "last_in_ms");
  steps.paused_since = time_at(from, "paused_since_ms");
  for (const auto& each : from.at("actions_ms").as_array()) steps.actions.push_back(time_of(each));
  for (const auto& each : from.at("moved").as_array())
    steps.moved.emplace_back(time_of(each.as_array().at(0)), each.as_array().at(1).to_number<int>());
  return steps;
}

std::string to_text(const handover& what) {
  json::object out{{"steps", to_json(what.steps)}};
  if (what.desired) out["desired"] = *what.desired;
  if (what.held) out["held"] = json::object{{"nodes", what.held->nodes}, {"until_ms", to_unix_ms(what.held->until)}};
  return json::serialize(out);
}

result<handover> handover_from(std::string_view text) {
  handover what;
  if (text.empty()) return what;
  try {
    const auto from = json::parse(json::string_view{text.data(), text.size()}).as_object();
    what.steps = steps_from(from.at("steps").as_object());
    if (const auto* const desired = from.if_contains("desired")) what.desired = desired->to_number<int>();
    if (const auto* const held = from.if_contains("held"))
      what.held = hold{held->at("nodes").to_number<int>(), time_of(held->at("until_ms"))};
    return what;
  } catch (const std::exception& broken) {
    return error{errc::corrupt, fmt::format("what the last owner of the pool left cannot be read: {}", broken.what())};
  }
}

}  // namespace troupe::scaling
