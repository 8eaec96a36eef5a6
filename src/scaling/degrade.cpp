#include "scaling/degrade.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::scaling {
namespace {

const std::optional<duration>& wait_of(const pressure& seen, const degrade_step& step) {
  return seen.expected_waits[static_cast<std::size_t>(step.of)];
}

std::int64_t seconds(duration d) { return std::chrono::ceil<std::chrono::seconds>(d).count(); }

/// How long it has held without a break.
duration lasting(std::optional<timestamp>& since, bool holds, timestamp now) {
  if (!holds)
    since.reset();
  else if (!since)
    since = now;
  return since ? now - *since : duration{-1};
}

}  // namespace

std::vector<degrade_step> steps_of(const degrade_policy& policy) {
  std::vector<degrade_step> steps;
  for (const auto each : model::all_job_classes) {
    for (const auto& rule : policy.rules)
      if (each != model::job_class::critical || rule.how == model::measure::cheaper) steps.push_back({each, rule});
  }
  return steps;
}

model::measures measures_at(const std::vector<degrade_step>& steps, std::uint32_t level) {
  model::measures of{};
  for (std::size_t i = 0; i < std::min<std::size_t>(level, steps.size()); ++i)
    of[static_cast<std::size_t>(steps[i].of)] = steps[i].rule.how;
  return of;
}

std::optional<bool> is_at_limit(const decision& d, int most) {
  if (d.why == reason::metric_missing || d.why == reason::old_term) return std::nullopt;
  if (d.why == reason::environment_off) return false;
  return (d.is_degraded && d.from >= most) || std::ranges::find(d.alerts, alert::provider_behind) != d.alerts.end();
}

degrader::degrader(const degrade_policy& policy, std::uint32_t level, timestamp now)
    : steps_(steps_of(policy)),
      after_(policy.after),
      hold_(policy.hold),
      level_(std::min(level, static_cast<std::uint32_t>(steps_.size()))),
      since_(now),
      why_(level_ == level ? "as another node left it" : "the policy has no higher level") {}

/// A wait that nobody knows is neither too long nor over; nor is anything while nobody knows whether the limit is reached.
bool degrader::is_too_long(const pressure& seen) const {
  if (!seen.is_at_limit.value_or(false) || level_ == steps_.size()) return false;
  const auto& next = steps_[level_];
  return wait_of(seen, next) && *wait_of(seen, next) >= next.rule.above;
}

bool degrader::is_over(const pressure& seen) const {
  if (level_ == 0 || !seen.is_at_limit) return false;
  const auto& last = steps_[level_ - 1];
  return !*seen.is_at_limit || (wait_of(seen, last) && *wait_of(seen, last) < last.rule.below);
}

std::uint32_t degrader::step(const pressure& seen) {
  const auto too_long = lasting(too_long_since_, is_too_long(seen), seen.now);
  const auto over = lasting(over_since_, is_over(seen), seen.now);
  if (too_long >= after_)
    go_up(seen);
  else if (over >= hold_ && seen.now - since_ >= hold_)
    go_down(seen);
  else
    return level_;
  since_ = seen.now;
  too_long_since_.reset();
  over_since_.reset();
  return level_;
}

void degrader::go_up(const pressure& seen) {
  const auto& next = steps_[level_++];
  why_ = fmt::format("more nodes are wanted than may be or come, and {} jobs would wait {} s ({} s are too long)",
                     to_string(next.of), seconds(*wait_of(seen, next)), seconds(next.rule.above));
}

void degrader::go_down(const pressure& seen) {
  const auto& last = steps_[--level_];
  const auto& wait = wait_of(seen, last);
  if (!seen.is_at_limit.value_or(true))
    why_ = "there may be and are as many nodes as are wanted";
  else
    why_ = fmt::format("{} jobs would wait {} s ({} s are short enough)", to_string(last.of), seconds(wait.value_or(0ms)),
                       seconds(last.rule.below));
}

}  // namespace troupe::scaling
