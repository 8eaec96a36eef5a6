#include "scaling/judge.hpp"

#include "base/plant.hpp"
#include "model/pipeline_durations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace troupe::scaling {
namespace {

using points = std::vector<std::optional<double>>;  // the newest period first

points points_of(const metric& of, const patience& lasts, const situation& at) {
  points seen;
  seen.reserve(static_cast<std::size_t>(lasts.of));
  for (int back = 0; back < lasts.of; ++back) {
    auto value = at.windows.average(of, at.now - (back + 1) * lasts.period, at.now - back * lasts.period);
    if (!value && planted(plant::scaling_goes_in_blind)) value = 0;
    seen.push_back(value);
  }
  return seen;
}

bool is_fresh(const metric& of, const situation& at) {
  return at.windows.latest(of, at.now, at.policy.stale_after).has_value() || planted(plant::scaling_goes_in_blind);
}

bool has_gap(const points& seen) {
  return std::ranges::any_of(seen, [](const auto& each) { return !each.has_value(); });
}

int ceiling(double nodes) noexcept { return static_cast<int>(std::ceil(std::min(nodes, 1e6) - 1e-9)); }

// What a value of the metric asks for: nodes when it is about going out, and when it is about going in.
struct asked {
  int out = 0, in = 0;
};

asked asked_by(const desired_steps& how, double value, const situation&) {
  const auto level = std::ranges::find_if(how.levels, [&](const auto& each) { return value <= each.up_to; });
  return {level->nodes, level->nodes};
}

asked asked_by(const step_adjustments& how, double value, const situation& at) {
  const auto* level = &how.levels.front();
  if (value < level->from) return {at.desired, at.desired};
  for (const auto& each : how.levels) {
    if (value > each.from) level = &each;
  }
  // What is still warming up is the answer to what was seen before it came: a step starts from those that work.
  if (level->by.amount >= 0) return {std::max(at.desired, at.steady + nodes_of(level->by, at.steady)), at.desired};
  return {at.desired, at.desired + nodes_of(level->by, at.desired)};
}

/// Of one node.
double target_of(const target_tracking& how, const situation& at) noexcept {
  return how.target * (how.is_per_slot ? at.slots_per_node : 1);
}

asked asked_by(const target_tracking& how, double value, const situation& at) {
  const double percent = value / target_of(how, at) * 100;
  if (how.is_total) {
    const int nodes = ceiling(value / target_of(how, at));
    const double above = at.desired * (1 + how.above_tolerated / 100);
    const double below = at.desired * (1 - how.below_tolerated / 100);
    return {value / target_of(how, at) > above ? nodes : at.desired, value / target_of(how, at) < below ? nodes : at.desired};
  }
  if (percent <= 100 + how.above_tolerated && percent >= 100 - how.below_tolerated) return {at.desired, at.desired};
  const int nodes = ceiling(at.steady * value / target_of(how, at));
  return {percent > 100 ? nodes : at.desired, percent < 100 ? nodes + at.warming : at.desired};
}

template <class How>
opinion judge_levels(const How& how, const situation& at) {
  const auto seen = points_of(how.looks_at, how.lasts, at);
  opinion said{.nodes = at.desired, .value = seen.front()};
  if (!is_fresh(how.looks_at, at)) return {opinion::kind::blind, at.desired, std::nullopt};
  std::vector<int> out;
  for (const auto& each : seen) out.push_back(each ? asked_by(how, *each, at).out : at.desired);
  std::ranges::sort(out, std::ranges::greater{});
  const int more = out[static_cast<std::size_t>(how.lasts.points - 1)];
  if (more > at.desired) return {opinion::kind::out, more, said.value};
  if (!seen.front()) return {opinion::kind::blind, at.desired, std::nullopt};
  const int fewer = std::max(0, asked_by(how, *seen.front(), at).in);
  if (fewer < at.desired) return {opinion::kind::in, fewer, said.value};
  return said;
}

bool passes(const alarm::side& side, double value, bool is_out) noexcept {
  return is_out ? value > side.threshold : value < side.threshold;
}

int passed(const alarm::side& side, const points& seen, bool is_out) {
  return static_cast<int>(std::ranges::count_if(seen, [&](const auto& each) { return each && passes(side, *each, is_out); }));
}

/// @returns nothing if the other metric is not known.
std::optional<bool> is_allowed(const alarm::side& side, const situation& at) {
  if (!side.only_if) return true;
  const auto value = at.windows.latest(side.only_if->first, at.now, at.policy.stale_after);
  return value ? std::optional{*value > side.only_if->second} : std::nullopt;
}

int out_nodes(const alarm::side& side, const situation& at) {
  return std::max(at.desired, at.steady + nodes_of(side.by, at.steady));
}

opinion judge_alarm(const alarm& how, const situation& at) {
  const auto value = at.windows.latest(how.looks_at, at.now, at.policy.stale_after);
  if (!is_fresh(how.looks_at, at)) return {opinion::kind::blind, at.desired, std::nullopt};
  bool is_blind = false;
  if (how.out) {
    const auto seen = points_of(how.looks_at, how.out->lasts, at);
    const auto allowed = is_allowed(*how.out, at);
    is_blind = !allowed;
    const int nodes = out_nodes(*how.out, at);
    const bool rings = passed(*how.out, seen, true) >= how.out->lasts.points && allowed.value_or(false);
    if (rings && nodes > at.desired) return {opinion::kind::out, nodes, value};
    if (rings) return {opinion::kind::hold, at.desired, value};
  }
  if (!how.in) return {is_blind ? opinion::kind::blind : opinion::kind::silent, at.desired, value};
  const auto seen = points_of(how.looks_at, how.in->lasts, at);
  const auto allowed = is_allowed(*how.in, at);
  if (is_blind || has_gap(seen) || !allowed) return {opinion::kind::blind, at.desired, value};
  if (passed(*how.in, seen, false) < how.in->lasts.points || !*allowed) return {opinion::kind::hold, at.desired, value};
  const int nodes = std::max(0, at.desired + nodes_of(how.in->by, at.desired));
  return {nodes < at.desired ? opinion::kind::in : opinion::kind::hold, nodes, value};
}

}  // namespace

situation look_at(const policy_set& policy, const metric_windows& windows, const fleet& machines, timestamp now) {
  situation at{policy, windows, now, machines.desired};
  int slots = 0;
  for (const auto& each : machines.machines) {
    const bool is_steady = each.state == machine_state::ready && each.since + policy.warm_up <= now;
    slots += each.slots;
    at.steady += is_steady ? 1 : 0;
    at.warming += !is_steady && each.state != machine_state::drained ? 1 : 0;
  }
  if (slots > 0) at.slots_per_node = static_cast<double>(slots) / static_cast<double>(machines.machines.size());
  return at;
}

const char* to_string(opinion::kind k) noexcept {
  switch (k) {
    case opinion::kind::out: return "out";
    case opinion::kind::in: return "in";
    case opinion::kind::hold: return "hold";
    case opinion::kind::blind: return "blind";
    case opinion::kind::silent: return "silent";
  }
  return "?";
}

opinion judge(const rule& r, const situation& at) {
  return std::visit(
      [&](const auto& how) {
        if constexpr (std::is_same_v<std::decay_t<decltype(how)>, alarm>)
          return judge_alarm(how, at);
        else
          return judge_levels(how, at);
      },
      r.how);
}

std::string why(const rule& r, const opinion& said, const situation& at) {
  const auto& of = metric_of(r);
  const auto name = to_string(of);
  if (!said.value)
    return fmt::format("{} has no value of the last {}", name, model::detail::duration_text(at.policy.stale_after));
  const auto value = fmt::format("{} is {:.4g}{}", name, *said.value, unit_of(of.kind));
  const auto* const how = std::get_if<alarm>(&r.how);
  if (!how) {
    const auto* const tracked = std::get_if<target_tracking>(&r.how);
    const auto target = tracked ? fmt::format(", target {:.4g}{}{}", tracked->target, unit_of(of.kind),
                                              !tracked->is_total     ? ""
                                              : tracked->is_per_slot ? " a slot"
                                                                     : " a node")
                                : std::string{};
    return fmt::format("{}{}, which asks for {} nodes", value, target, said.nodes);
  }
  const auto* const side = said.what == opinion::kind::out && how->out ? &*how->out
                           : said.what == opinion::kind::in && how->in ? &*how->in
                                                                       : nullptr;
  if (!side) return value;
  return fmt::format("{}, {} {:.4g} in {} of {} periods of {}: {}", value, said.what == opinion::kind::out ? "above" : "below",
                     side->threshold, side->lasts.points, side->lasts.of, model::detail::duration_text(side->lasts.period),
                     to_string(side->by));
}

namespace {

/// Rules with levels need one period to go in: how long that must last is what the stabilisation window is for.
patience newest_of(const patience& lasts) { return {lasts.period, 1, 1}; }

/// For how long new values must pass, if `seen` counts as far as it stays in the window.
template <class Passes>
duration time_until(const patience& lasts, const points& seen, Passes passes_it) {
  for (int fresh = 0; fresh <= lasts.of; ++fresh) {
    int count = fresh;
    for (int old = 0; old + fresh < lasts.of; ++old) {
      const auto& each = seen[static_cast<std::size_t>(old)];
      count += each && passes_it(*each) ? 1 : 0;
    }
    if (count >= lasts.points) return fresh * lasts.period;
  }
  return lasts.points * lasts.period;
}

std::optional<condition> adds(const alarm& how, const situation& at) {
  if (!how.out) return std::nullopt;
  const int change = out_nodes(*how.out, at) - at.desired;
  if (change <= 0) return std::nullopt;
  const auto seen = points_of(how.looks_at, how.out->lasts, at);
  const auto lasts = time_until(how.out->lasts, seen, [&](double value) { return passes(*how.out, value, true); });
  return condition{change, true, how.out->threshold, lasts};
}

std::optional<condition> removes(const alarm& how, const situation& at) {
  if (!how.in || at.desired == 0) return std::nullopt;
  const int change = std::max(-at.desired, nodes_of(how.in->by, at.desired));
  const auto seen = points_of(how.looks_at, how.in->lasts, at);
  const auto lasts = time_until(how.in->lasts, seen, [&](double value) { return passes(*how.in, value, false); });
  return condition{change, false, how.in->threshold, lasts};
}

std::optional<condition> adds(const desired_steps& how, const situation& at) {
  const desired_steps::level* before = nullptr;
  for (const auto& each : how.levels) {
    if (each.nodes > at.desired && before) {
      const auto seen = points_of(how.looks_at, how.lasts, at);
      const auto lasts = time_until(how.lasts, seen, [&](double value) { return value > before->up_to; });
      return condition{each.nodes - at.desired, true, before->up_to, lasts};
    }
    before = &each;
  }
  return std::nullopt;
}

std::optional<condition> removes(const desired_steps& how, const situation& at) {
  for (auto each = how.levels.rbegin(); each != how.levels.rend(); ++each) {
    if (each->nodes >= at.desired || !std::isfinite(each->up_to)) continue;
    const auto seen = points_of(how.looks_at, newest_of(how.lasts), at);
    const auto lasts = time_until(newest_of(how.lasts), seen, [&](double value) { return value <= each->up_to; });
    return condition{each->nodes - at.desired, false, each->up_to, lasts};
  }
  return std::nullopt;
}

std::optional<condition> adds(const step_adjustments& how, const situation& at) {
  for (const auto& each : how.levels) {
    const int change = each.by.amount > 0 ? at.steady + nodes_of(each.by, at.steady) - at.desired : 0;
    if (change <= 0) continue;
    const auto seen = points_of(how.looks_at, how.lasts, at);
    return condition{change, true, each.from, time_until(how.lasts, seen, [&](double value) { return value > each.from; })};
  }
  return std::nullopt;
}

std::optional<condition> removes(const step_adjustments& how, const situation& at) {
  for (std::size_t i = 0; i + 1 < how.levels.size(); ++i) {
    const auto& each = how.levels[i];
    if (each.by.amount >= 0 || at.desired == 0) continue;
    const double below = how.levels[i + 1].from;
    const auto seen = points_of(how.looks_at, newest_of(how.lasts), at);
    return condition{std::max(-at.desired, nodes_of(each.by, at.desired)), false, below,
                     time_until(newest_of(how.lasts), seen, [&](double value) { return value <= below; })};
  }
  return std::nullopt;
}

/// The value at which exactly `nodes` would do; above it, it takes one more.
double value_for(const target_tracking& how, int nodes, const situation& at) {
  return how.is_total ? nodes * target_of(how, at) : nodes * target_of(how, at) / std::max(1, at.steady);
}

std::optional<condition> adds(const target_tracking& how, const situation& at) {
  if (!how.is_total && at.steady == 0) return std::nullopt;
  double above = value_for(how, at.desired, at);
  above = std::max(above,
                   how.is_total ? above * (1 + how.above_tolerated / 100) : target_of(how, at) * (1 + how.above_tolerated / 100));
  const int nodes = ceiling((how.is_total ? 1 : at.steady) * above / target_of(how, at) + 1e-6);
  const auto seen = points_of(how.looks_at, how.lasts, at);
  return condition{std::max(1, nodes - at.desired), true, above,
                   time_until(how.lasts, seen, [&](double value) { return value > above; })};
}

std::optional<condition> removes(const target_tracking& how, const situation& at) {
  if (at.desired == 0 || (!how.is_total && (at.steady == 0 || at.warming > 0))) return std::nullopt;
  double below = value_for(how, at.desired - 1, at);
  const double tolerated = 1 - how.below_tolerated / 100;
  below = std::min(below, how.is_total ? at.desired * target_of(how, at) * tolerated : target_of(how, at) * tolerated);
  const int nodes = ceiling((how.is_total ? 1 : at.steady) * below / target_of(how, at));
  const auto seen = points_of(how.looks_at, newest_of(how.lasts), at);
  return condition{std::min(-1, nodes - at.desired), false, below,
                   time_until(newest_of(how.lasts), seen, [&](double value) { return value < below; })};
}

}  // namespace

std::optional<condition> what_adds(const rule& r, const situation& at) {
  if (!is_fresh(metric_of(r), at)) return std::nullopt;
  return std::visit([&](const auto& how) { return adds(how, at); }, r.how);
}

std::optional<condition> what_removes(const rule& r, const situation& at) {
  if (!is_fresh(metric_of(r), at)) return std::nullopt;
  return std::visit([&](const auto& how) { return removes(how, at); }, r.how);
}

}  // namespace troupe::scaling
