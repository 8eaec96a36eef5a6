#include "cli/scaling_keeper.hpp"
#include "scaling/explain.hpp"

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <utility>

// What a `scaling_keeper` says and is told: any thread.
namespace troupe::cli {
namespace {

namespace json = boost::json;
json::object to_json(const fleet::pool::entry& machine) {
  json::object out;
  out["name"] = machine.name.empty() ? json::value(nullptr) : json::value(machine.name);
  out["node"] = machine.node ? json::value(fmt::format("{:016x}", machine.node->raw())) : json::value(nullptr);
  out["state"] = machine.is_leaving ? "leaving" : scaling::to_string(machine.state);
  out["tasks"] = machine.tasks;
  if (!machine.why.empty()) out["why"] = machine.why;
  out["since_ms"] = to_unix_ms(machine.since);
  return out;
}

}  // namespace

scaling_figures scaling_keeper::figures() const {
  const std::lock_guard lock{mutex_};
  auto now = figures_;
  now.decides = owns_;
  now.is_held = kept_hold_.has_value();
  return now;
}

std::string scaling_keeper::status() const {
  const std::lock_guard lock{mutex_};
  json::object out{{"policy", settings_.policy.name},
                   {"pool", settings_.policy.read.pool},
                   {"environment", settings_.environment},
                   {"leads", owns_}};
  if (!owns_) return json::serialize(out);
  out["desired"] = last_ ? json::value(last_->to) : json::value(nullptr);
  out["now"] = last_ ? json::value(scaling::to_json(*last_)) : json::value(nullptr);
  out["on_order"] = figures_.on_order;
  out["degradation"] = to_json(load_);
  out["held"] = kept_hold_ ? json::value(json::object{{"nodes", kept_hold_->nodes}, {"until_ms", to_unix_ms(kept_hold_->until)}})
                           : json::value(nullptr);
  json::array machines, alarms, decisions, course;
  for (const auto& each : machines_) machines.push_back(to_json(each));
  for (const auto& each : troubles_) alarms.push_back(json::object{{"code", each.code}, {"why", each.why}});
  for (const auto& each : decisions_) decisions.push_back(scaling::to_json(each));
  for (const auto& each : course_.points())
    course.push_back(json::array{to_unix_ms(each.at), each.desired, each.ready, each.unfinished});
  out["machines"] = std::move(machines);
  out["course"] = std::move(course);
  out["alarms"] = std::move(alarms);
  out["decisions"] = std::move(decisions);
  return json::serialize(out);
}

result<void> scaling_keeper::hold(int nodes, duration time) {
  const auto& limits = settings_.policy.read.bounds;
  if (nodes < limits.min || nodes > limits.max)
    return error{errc::bad_request,
                 fmt::format("{} nodes: the policy '{}' allows {} to {}", nodes, settings_.policy.name, limits.min, limits.max)};
  if (time <= duration{0} || time > hold_most) return error{errc::bad_request, "a hold lasts up to 30 days"};
  const std::lock_guard lock{mutex_};
  if (!owns_) return error{errc::conflict, "this node does not decide; the one that leads does, see GET /v1/cluster"};
  held_ = scaling::hold{nodes, clock_.now() + time};
  is_hold_new_ = is_asked_ = true;
  changed_.notify_all();
  return {};
}

result<void> scaling_keeper::release() {
  const std::lock_guard lock{mutex_};
  if (!owns_) return error{errc::conflict, "this node does not decide; the one that leads does, see GET /v1/cluster"};
  held_.reset();
  is_hold_new_ = is_resumed_ = is_asked_ = true;
  changed_.notify_all();
  return {};
}

result<bool> scaling_keeper::is_settled() const {
  const std::lock_guard lock{mutex_};
  if (!owns_) return error{errc::conflict, "another node decides by now; the one that leads does, see GET /v1/cluster"};
  return !is_hold_new_ && !is_resumed_;
}

}  // namespace troupe::cli
