#pragma once

#include "model/degradation.hpp"
#include "scaling/decide.hpp"
#include "scaling/policy.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// The machine that decides what is done to jobs while more nodes are wanted than may be. It knows no clock.
//
//   steps, one at a time:  background later, cheaper, refused; then normal later, cheaper, refused; then critical cheaper
//   up:    the limit is reached, and a job of the next step's class would wait too long, both for `after`
//   down:  a job of the last step's class would wait much less, or the limit is not reached any more, for `hold`
//
// A class waits at least as long as a better one, so the steps come in their order by themselves. Critical jobs are never
// refused. Source: requirements, S4 sections 2 and 5 (critical 3 / normal 2 / background 1; tell the user about the delay).
namespace troupe::scaling {

/// One step on the way up.
struct degrade_step {
  model::job_class of{};
  degrade_rule rule;
};
/// All steps that a policy has, in their order. Level n has the first n of them.
[[nodiscard]] std::vector<degrade_step> steps_of(const degrade_policy& policy);
[[nodiscard]] model::measures measures_at(const std::vector<degrade_step>& steps, std::uint32_t level);

/// Whether a decision says that the pool is as large as it may be, or as it becomes, and more is wanted.
/// @param most  nodes that there may be at that time (`bounds_at`)
/// @returns nothing if it says nothing about that: its rules are blind, or it is of an old term.
[[nodiscard]] std::optional<bool> is_at_limit(const decision& d, int most);

/// What is seen at one moment.
struct pressure {
  timestamp now{};
  std::optional<bool> is_at_limit = false;  ///< more nodes are wanted than may be, or come; nothing: nobody knows
  std::array<std::optional<duration>, model::job_classes> expected_waits;  ///< of the last of each class; nothing: nobody knows
};

class degrader {
 public:
  /// @param level  that is in force; one that this policy does not have becomes its highest
  degrader(const degrade_policy& policy, std::uint32_t level, timestamp now);
  /// @returns the level that is to be in force: the one before, or a step up or down.
  std::uint32_t step(const pressure& seen);
  [[nodiscard]] std::uint32_t level() const noexcept { return level_; }
  [[nodiscard]] model::measures measures() const { return measures_at(steps_, level_); }
  /// Why the level is as it is; for people, one line.
  [[nodiscard]] const std::string& why() const noexcept { return why_; }

 private:
  [[nodiscard]] bool is_too_long(const pressure& seen) const;
  [[nodiscard]] bool is_over(const pressure& seen) const;
  void go_up(const pressure& seen);
  void go_down(const pressure& seen);

  std::vector<degrade_step> steps_;
  duration after_, hold_;
  std::uint32_t level_ = 0;
  timestamp since_{};                                     // of this level
  std::optional<timestamp> too_long_since_, over_since_;  // without a break
  std::string why_;
};

}  // namespace troupe::scaling
