#pragma once

#include "base/units.hpp"
#include "model/task.hpp"

#include <cstdint>
#include <optional>

namespace troupe::model {

/// How often a task's attempts ended without a result, by budget.
struct failure_counts {
  std::uint32_t own = 0;        ///< failed, crashed, hung, timed_out: the task's own fault; budget: the stage's `retry.attempts`
  std::uint32_t node_lost = 0;  ///< the machines' fault, also lost inputs; budget: `retry.node_lost_most`
  friend bool operator==(const failure_counts&, const failure_counts&) = default;
};

/// What follows a failed attempt.
struct retry_decision {
  enum class kind : std::uint8_t {
    retry,  ///< run it again, not before `after`
    fail,   ///< the job failed: trying again cannot help
    bury    ///< the budget is used up: the job is a dead letter
  };
  kind what = kind::retry;
  duration after{0};
};

/// Decides after an attempt ended badly. `counts` already contains this failure.
/// The back-off doubles per own failure and is spread by up to a quarter, from `seed`, so that a herd does not return at once.
[[nodiscard]] retry_decision decide_retry(const retry_rule& rule, failure_cause cause, failure_counts counts,
                                          std::uint32_t node_lost_most, std::uint64_t seed);

/// Adds one failure to its budget; `bad_input` and `handed_back` belong to none.
[[nodiscard]] failure_counts counted(failure_counts counts, failure_cause cause) noexcept;

}  // namespace troupe::model
