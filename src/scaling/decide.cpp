#include "scaling/decide.hpp"

#include "base/plant.hpp"
#include "model/pipeline_durations.hpp"
#include "scaling/explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace troupe::scaling {
namespace {

constexpr duration provider_patience = 10min;

/// What the rules want together.
struct wish {
  int nodes = 0;
  reason why = reason::steady;
  std::string rule;
};

wish combine(const std::vector<std::pair<std::string, opinion>>& said, int desired) {
  wish most{desired, reason::steady, ""};
  bool is_blind = false;
  bool holds = false;
  const std::pair<std::string, opinion>* largest_in = nullptr;
  for (const auto& each : said) {
    const auto& [rule, what] = each;
    if (what.what == opinion::kind::out && what.nodes > most.nodes) most = {what.nodes, reason::demand, rule};
    is_blind = is_blind || what.what == opinion::kind::blind;
    holds = holds || what.what == opinion::kind::hold;
    if (what.what == opinion::kind::in && (!largest_in || what.nodes > largest_in->second.nodes)) largest_in = &each;
  }
  if (most.why == reason::demand) return most;
  if (is_blind) return {desired, reason::metric_missing, ""};
  if (!largest_in) return most;
  if (holds) return {desired, reason::rules_disagree, ""};
  return {largest_in->second.nodes, reason::surplus, largest_in->first};
}

template <class Queue, class When>
void forget_before(Queue& queue, timestamp oldest, When when) {
  while (!queue.empty() && when(queue.front()) <= oldest) queue.pop_front();
}

/// One step, on its way from what the rules want to what happens.
class deciding {
 public:
  deciding(const policy_set& policy, eagerness eager, memory& remembered, const situation& at, const fleet& machines)
      : policy_(policy), eager_(eager), memory_(remembered), at_(at), machines_(machines), holds_(bounds_at(policy, at.now)) {}

  void run(decision& d, const observation& seen) {
    if (seen.handed_over) take_over(*seen.handed_over);
    remember(seen.is_resumed);
    for (const auto& each : policy_.rules) d.said.emplace_back(each.name, judge(each, at_));
    const auto together = combine(d.said, d.from);
    d.why = together.why;
    d.rule = together.rule;
    d.to = within_bounds(d, stabilised(d, together.nodes));
    if (eager_ == eagerness::off) hold(d, reason::environment_off);
    if (d.to != d.from && !seen.is_held) carry_out(d);
    watch(d, together.nodes);
    explain(d, {policy_, at_, holds_, memory_});
  }

 private:
  /// The clocks of two owners differ: what lies ahead counts as of now.
  void take_over(steps_taken steps) {
    if (planted(plant::scaling_forgets_handover)) return;
    const auto until_now = [this](timestamp& at) { at = std::min(at, at_.now); };
    for (auto* const each : {&steps.last_out, &steps.last_in, &steps.paused_since})
      if (*each) until_now(**each);
    for (auto& at : steps.actions) until_now(at);
    for (auto& [at, nodes] : steps.moved) until_now(at);
    memory_.steps = std::move(steps);
  }

  void remember(bool is_resumed) {
    if (!memory_.began) memory_.began = at_.now;
    const auto itself = [](timestamp t) { return t; };
    const auto first = [](const auto& pair) { return pair.first; };
    forget_before(memory_.steps.actions, at_.now - 1h, itself);
    forget_before(memory_.steps.moved, at_.now - 1min, first);
    // The edge of the window counts, so that a wish has to last for all of it.
    forget_before(memory_.wanted, at_.now - std::max(policy_.stabilise_in, policy_.stabilise_out) - 1ms, first);
    if (is_resumed) memory_.steps.actions.clear();
    if (memory_.steps.paused_since && (is_resumed || at_.now - *memory_.steps.paused_since >= policy_.bounds.pause))
      memory_.steps.paused_since.reset();
  }

  static void hold(decision& d, reason why) {
    d.to = d.from;
    d.why = why;
  }

  /// The least or most that was wanted in the window, so that a short peak or dip moves nothing.
  int stabilised(decision& d, int wanted) {
    if (eager_ == eagerness::conservative && wanted > d.from) wanted = d.from + (wanted - d.from + 1) / 2;
    memory_.wanted.emplace_back(at_.now, wanted);
    int least = wanted;
    int most = wanted;
    for (const auto& [when, nodes] : memory_.wanted) {
      if (when >= at_.now - policy_.stabilise_out) least = std::min(least, nodes);
      if (when >= at_.now - policy_.stabilise_in) most = std::max(most, nodes);
    }
    if (wanted > d.from && (least <= d.from || at_.now - policy_.stabilise_out < *memory_.began)) {
      hold(d, reason::stabilising);
      return d.from;
    }
    if (wanted > d.from) return least;
    // Who has just become the owner has not seen enough to take anything away.
    if (wanted < d.from && (most >= d.from || at_.now - policy_.stabilise_in < *memory_.began)) {
      hold(d, reason::stabilising);
      return d.from;
    }
    return wanted < d.from ? most : wanted;
  }

  int within_bounds(decision& d, int wanted) {
    if (wanted > holds_.max) {
      d.is_degraded = true;
      d.why = d.from < holds_.max ? d.why : holds_.capped_by;
      wanted = std::max(holds_.max, std::min(d.from, holds_.max));
    }
    if (wanted < holds_.min && d.from >= holds_.min) {
      d.why = d.from > holds_.min ? d.why : reason::at_min;
      wanted = holds_.min;
    }
    if (d.from > holds_.max && wanted >= holds_.max) d.why = reason::above_max;
    if (d.from < holds_.min && wanted <= holds_.min) {
      d.why = reason::below_min;
      wanted = holds_.min;
    }
    return wanted;
  }

  [[nodiscard]] duration cools_for(bool is_out) const {
    const auto left = [&](const std::optional<timestamp>& since, duration lasts) {
      return since ? std::max(duration{0}, *since + lasts - at_.now) : duration{0};
    };
    if (is_out) return left(memory_.steps.last_out, policy_.cooldown_out);
    return std::max(left(memory_.steps.last_in, policy_.cooldown_in), left(memory_.steps.last_out, policy_.cooldown_in));
  }

  void carry_out(decision& d) {
    const bool is_out = d.to > d.from;
    const bool is_forced = d.why == reason::above_max || d.why == reason::below_min;
    if (memory_.steps.paused_since) return hold(d, reason::runaway);
    if (!is_forced && cools_for(is_out) > 0ms) return hold(d, reason::cooling_down);
    if (policy_.bounds.actions_per_hour && counted_actions() >= *policy_.bounds.actions_per_hour) {
      memory_.steps.paused_since = at_.now;
      return hold(d, reason::runaway);
    }
    int by = std::abs(d.to - d.from);
    if (policy_.bounds.changes_per_minute) {
      int moved = 0;
      for (const auto& [when, nodes] : memory_.steps.moved) moved += nodes;
      by = std::min(by, *policy_.bounds.changes_per_minute - moved);
      if (by <= 0) return hold(d, reason::rate_limited);
    }
    if (!is_out) {
      by = choose_victims(d, by, is_forced);
      if (by == 0) return hold(d, reason::nobody_can_go);
    }
    d.to = is_out ? d.from + by : d.from - by;
    memory_.steps.moved.emplace_back(at_.now, by);
    memory_.steps.actions.push_back(at_.now);
    (is_out ? memory_.steps.last_out : memory_.steps.last_in) = at_.now;
  }

  [[nodiscard]] int counted_actions() const {
    const auto all = static_cast<int>(memory_.steps.actions.size());
    return planted(plant::scaling_guard_counts_half) ? all / 2 : all;
  }

  /// @returns by how many the count goes down: those who never came, and those who can go.
  int choose_victims(decision& d, int by, bool is_forced) {
    const int there = static_cast<int>(machines_.machines.size());
    const double use_most = is_forced ? 1e9 : policy_.bounds.use_after_in_most;
    const int never_came = use_of(machines_) > use_most ? 0 : std::clamp(d.from - there, 0, by);
    d.victims = pick_victims(machines_, by - never_came, use_most);
    return never_came + static_cast<int>(d.victims.size());
  }

  void watch(decision& d, int wanted) {
    const auto since = [&](std::optional<timestamp>& from, bool holds, duration lasts) {
      if (!holds)
        from.reset();
      else if (!from)
        from = at_.now;
      return from && at_.now - *from >= lasts;
    };
    const auto lasts = policy_.bounds.warn_at_limit_after;
    const bool is_blind = std::ranges::any_of(d.said, [](const auto& each) { return each.second.what == opinion::kind::blind; });
    if (is_blind) d.alerts.push_back(alert::metric_missing);
    if (memory_.steps.paused_since) d.alerts.push_back(alert::runaway);
    if (since(memory_.at_max_since, wanted > holds_.max, lasts)) d.alerts.push_back(alert::at_max_long);
    if (since(memory_.at_min_since, wanted < holds_.min, lasts)) d.alerts.push_back(alert::at_min_long);
    const int ready = machines_.count(machine_state::ready) + machines_.count(machine_state::drained);
    if (since(memory_.behind_since, ready < d.from, provider_patience)) d.alerts.push_back(alert::provider_behind);
  }

  const policy_set& policy_;
  eagerness eager_;
  memory& memory_;
  const situation& at_;
  const fleet& machines_;
  bounds holds_;
};

}  // namespace

bounds bounds_at(const policy_set& policy, timestamp now) {
  bounds now_holds{policy.bounds.min, policy.bounds.max, reason::at_max, ""};
  std::optional<timestamp> newest;
  for (const auto& each : policy.schedules) {
    const auto due = last_due(each.when, each.zone, now);
    if (!due || (newest && *due < *newest)) continue;
    newest = due;
    now_holds = {each.min.value_or(policy.bounds.min), each.max.value_or(policy.bounds.max), reason::at_max, each.name};
  }
  const auto cap = [&](double nodes, reason by) {
    const int most = static_cast<int>(std::floor(std::min(nodes, 1e9) + 1e-9));
    if (most < now_holds.max) {
      now_holds.max = most;
      now_holds.capped_by = by;
    }
  };
  if (policy.bounds.gpu_quota && !planted(plant::scaling_forgets_quota))
    cap(*policy.bounds.gpu_quota / policy.bounds.gpus_per_node, reason::at_quota);
  if (policy.bounds.cost_per_hour_most)
    cap(*policy.bounds.cost_per_hour_most / policy.bounds.price_per_node_hour, reason::at_cost_cap);
  now_holds.min = std::min(now_holds.min, now_holds.max);
  return now_holds;
}

scaler::scaler(policy_set policy, std::string environment)
    : policy_(std::move(policy)), eagerness_(policy_.in_environment(environment)) {}

decision scaler::step(const observation& seen) {
  decision d;
  d.term = seen.term;
  d.at = seen.now;
  d.from = d.to = seen.machines.desired;
  if (seen.term < memory_.term) {
    d.why = reason::old_term;
    d.text = fmt::format("holds at {}: term {} is over, {} owns the pool now", d.from, seen.term, memory_.term);
    return d;
  }
  memory_.term = seen.term;
  for (const auto& [of, value] : seen.samples) windows_.add(of, value);
  const auto at = look_at(policy_, windows_, seen.machines, seen.now);
  deciding{policy_, eagerness_, memory_, at, seen.machines}.run(d, seen);
  return d;
}

}  // namespace troupe::scaling
