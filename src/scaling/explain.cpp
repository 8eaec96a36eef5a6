#include "scaling/explain.hpp"

#include "model/pipeline_durations.hpp"

#include <fmt/format.h>
#include <boost/json/array.hpp>

#include <algorithm>
#include <cmath>

namespace troupe::scaling {
namespace {

using model::detail::duration_text;
namespace json = boost::json;

const rule* rule_named(const policy_set& policy, const std::string& name) {
  const auto found = std::ranges::find(policy.rules, name, &rule::name);
  return found == policy.rules.end() ? nullptr : &*found;
}

/// "rule 'queue': queue_depth is 120, ...", of the rule that decided or wanted most.
std::string rule_text(const decision& d, const background& from) {
  const auto said = std::ranges::find(d.said, d.rule, &std::pair<std::string, opinion>::first);
  const auto* const which = rule_named(from.policy, d.rule);
  if (said == d.said.end() || !which) return {};
  return fmt::format("rule '{}': {}", d.rule, why(*which, said->second, from.at));
}

std::string blind_rules(const decision& d) {
  std::string names;
  for (const auto& [name, what] : d.said) {
    if (what.what == opinion::kind::blind) names += (names.empty() ? "'" : ", '") + name + "'";
  }
  return names;
}

std::string bounds_text(const bounds& holds) {
  return holds.by_schedule.empty() ? std::string{} : fmt::format(" (schedule '{}')", holds.by_schedule);
}

duration left_of(const std::optional<timestamp>& since, duration lasts, timestamp now) {
  return since ? std::max(duration{0}, *since + lasts - now) : duration{0};
}

std::string rest_of(const decision& d, const background& from) {
  const auto& limits = from.policy.bounds;
  switch (d.why) {
    case reason::steady: return "no rule wants a change";
    case reason::demand:
    case reason::surplus: return rule_text(d, from);
    case reason::below_min: return fmt::format("at least {} must be there{}", from.holds.min, bounds_text(from.holds));
    case reason::above_max: return fmt::format("at most {} may be there{}", from.holds.max, bounds_text(from.holds));
    case reason::metric_missing: return fmt::format("nothing goes in, for there is no metric for rule {}", blind_rules(d));
    case reason::rules_disagree: return "some rules would do with fewer, others not";
    case reason::stabilising: return fmt::format("not wanted for long enough yet; {}", rule_text(d, from));
    case reason::cooling_down: return fmt::format("too soon after the last step; {}", rule_text(d, from));
    case reason::rate_limited:
      return fmt::format("{} nodes came or went in this minute already", limits.changes_per_minute.value_or(0));
    case reason::at_max:
      return fmt::format("at most {} may be there{}; {}", from.holds.max, bounds_text(from.holds), rule_text(d, from));
    case reason::at_quota: return fmt::format("{} GPUs are the quota; {}", limits.gpu_quota.value_or(0), rule_text(d, from));
    case reason::at_cost_cap:
      return fmt::format("{:.2f} an hour is the cap on cost; {}", limits.cost_per_hour_most.value_or(0), rule_text(d, from));
    case reason::at_min:
      return fmt::format("at least {} must be there{}; {}", from.holds.min, bounds_text(from.holds), rule_text(d, from));
    case reason::nobody_can_go: return fmt::format("every node is busy, planned for or needed; {}", rule_text(d, from));
    case reason::runaway:
      return fmt::format("{} steps in an hour are a runaway; paused for {} more, or until somebody resumes it",
                         limits.actions_per_hour.value_or(0),
                         duration_text(left_of(from.remembered.steps.paused_since, limits.pause, from.at.now)));
    case reason::environment_off: return "scaling is off in this environment";
    case reason::old_term: return "another owner has the pool";
  }
  return {};
}

/// How long a change is kept back, whatever the metrics say.
duration kept_back(bool is_out, const background& from) {
  const auto& past = from.remembered;
  const auto now = from.at.now;
  auto lasts = left_of(past.steps.paused_since, from.policy.bounds.pause, now);
  if (is_out) return std::max({lasts, left_of(past.steps.last_out, from.policy.cooldown_out, now)});
  lasts = std::max({lasts, left_of(past.steps.last_in, from.policy.cooldown_in, now),
                    left_of(past.steps.last_out, from.policy.cooldown_in, now)});
  lasts = std::max(lasts, left_of(past.began, from.policy.stabilise_in, now));
  for (const auto& [when, nodes] : past.wanted) {
    if (nodes >= from.at.desired) lasts = std::max(lasts, when + from.policy.stabilise_in - now + 1ms);
  }
  return lasts;
}

void add_otherwise(decision& d, const rule& which, condition if_so, const background& from) {
  const bool is_out = if_so.change > 0;
  const int room = is_out ? from.holds.max - d.to : d.to - from.holds.min;
  if (room <= 0) return;
  if_so.change = is_out ? std::min(if_so.change, room) : std::max(if_so.change, -room);
  const auto seconds = [](duration lasts) { return std::chrono::ceil<std::chrono::seconds>(lasts); };
  if (if_so.lasts > 0ms) if_so.lasts += is_out ? from.policy.stabilise_out : from.policy.stabilise_in;
  if_so.lasts = seconds(std::max(if_so.lasts, kept_back(is_out, from)));
  const auto& of = metric_of(which);
  auto text = fmt::format("would {} {} if {} {} {:.4g}{}", is_out ? "add" : "take away", std::abs(if_so.change), to_string(of),
                          is_out ? ">" : "<", if_so.threshold, unit_of(of.kind));
  if (if_so.lasts > 0ms) text += fmt::format(" for {} more", duration_text(if_so.lasts));
  if (!is_out && from.policy.rules.size() > 1) text += ", and no other rule needs them";
  d.otherwise.push_back({which.name, if_so, std::move(text)});
}

}  // namespace

void explain(decision& d, const background& from) {
  const auto lead = d.to == d.from ? fmt::format("holds at {}", d.from)
                                   : fmt::format("{} from {} to {}", d.to > d.from ? "out" : "in", d.from, d.to);
  d.text = fmt::format("{}: {}", lead, rest_of(d, from));
  if (d.is_degraded) d.text += "; more is wanted than may be: the queue grows";
  if (d.to != d.from) return;
  for (std::size_t i = 0; i < from.policy.rules.size(); ++i) {
    const auto& each = from.policy.rules[i];
    if (const auto more = what_adds(each, from.at)) add_otherwise(d, each, *more, from);
    if (const auto fewer = what_removes(each, from.at)) add_otherwise(d, each, *fewer, from);
  }
}

const char* to_string(reason r) noexcept {
  switch (r) {
    case reason::steady: return "steady";
    case reason::demand: return "demand";
    case reason::surplus: return "surplus";
    case reason::below_min: return "below_min";
    case reason::above_max: return "above_max";
    case reason::metric_missing: return "metric_missing";
    case reason::rules_disagree: return "rules_disagree";
    case reason::stabilising: return "stabilising";
    case reason::cooling_down: return "cooling_down";
    case reason::rate_limited: return "rate_limited";
    case reason::at_max: return "at_max";
    case reason::at_quota: return "at_quota";
    case reason::at_cost_cap: return "at_cost_cap";
    case reason::at_min: return "at_min";
    case reason::nobody_can_go: return "nobody_can_go";
    case reason::runaway: return "runaway";
    case reason::environment_off: return "environment_off";
    case reason::old_term: return "old_term";
  }
  return "?";
}

const char* to_string(alert a) noexcept {
  switch (a) {
    case alert::metric_missing: return "metric_missing";
    case alert::runaway: return "runaway";
    case alert::at_max_long: return "at_max_long";
    case alert::at_min_long: return "at_min_long";
    case alert::provider_behind: return "provider_behind";
  }
  return "?";
}

json::object to_json(const decision& d) {
  json::object out{{"term", d.term}, {"at", to_unix_ms(d.at)}, {"from", d.from}, {"to", d.to}, {"reason", to_string(d.why)}};
  if (!d.rule.empty()) out["rule"] = d.rule;
  out["text"] = d.text;
  json::array victims;
  for (const auto id : d.victims) victims.emplace_back(id.raw());
  if (!victims.empty()) out["victims"] = std::move(victims);
  json::array alerts;
  for (const auto each : d.alerts) alerts.emplace_back(to_string(each));
  if (!alerts.empty()) out["alerts"] = std::move(alerts);
  if (d.is_degraded) out["degraded"] = true;
  json::array said;
  for (const auto& [rule, what] : d.said) {
    json::object one{{"rule", rule}, {"says", to_string(what.what)}, {"nodes", what.nodes}};
    if (what.value) one["value"] = fmt::format("{}", *what.value);  // a text keeps every bit
    said.push_back(std::move(one));
  }
  out["said"] = std::move(said);
  json::array otherwise;
  for (const auto& each : d.otherwise) {
    otherwise.push_back(json::object{{"rule", each.rule},
                                     {"change", each.if_so.change},
                                     {"metric_is", each.if_so.is_above ? "above" : "below"},
                                     {"threshold", fmt::format("{}", each.if_so.threshold)},
                                     {"for_ms", each.if_so.lasts.count()},
                                     {"text", each.text}});
  }
  if (!otherwise.empty()) out["otherwise"] = std::move(otherwise);
  return out;
}

}  // namespace troupe::scaling
