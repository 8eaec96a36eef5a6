#pragma once

#include "base/units.hpp"

#include <cstdint>
#include <optional>

// How long a new job will wait for its first slot: what stands before it, what jobs have cost lately, and the slots there are.
namespace troupe::model {

/// The slot time that jobs have taken lately, all their attempts together. The last hundred or so count most.
class job_costs {
 public:
  void add_attempt(duration slot_time) noexcept;
  /// A job that had an attempt has ended.
  void add_end() noexcept;
  /// Of one job. Nothing: none has ended yet.
  [[nodiscard]] std::optional<duration> mean() const noexcept;

 private:
  std::int64_t slot_ms_ = 0, ended_ = 0;
};

/// What stands before a job.
struct line_ahead {
  std::uint64_t jobs_queued = 0;   ///< not begun, and to go before it
  std::uint64_t jobs_started = 0;  ///< begun, not ended
  std::uint64_t tasks = 0;         ///< that run, or could run now, of whomever
  double slots = 0;                ///< that take work
};

/// Nothing while a slot is free. Else each job that must go before has to get a slot, as its own place has to become free, and
/// jobs that have begun and wait between stages are half done. Jobs are taken for equally long, and to end one after the other.
/// @returns nothing: it cannot be known, for there is no slot, or no job has ended yet
[[nodiscard]] std::optional<duration> expected_wait(const line_ahead& ahead, std::optional<duration> job_cost) noexcept;

}  // namespace troupe::model
