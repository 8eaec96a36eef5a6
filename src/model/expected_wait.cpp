#include "model/expected_wait.hpp"

#include <algorithm>

namespace troupe::model {
namespace {

constexpr std::int64_t jobs_remembered = 64;  // at least; from twice as many on, all that is older counts half

}  // namespace

void job_costs::add_attempt(duration slot_time) noexcept { slot_ms_ += std::max<std::int64_t>(0, slot_time.count()); }

void job_costs::add_end() noexcept {
  if (++ended_ < 2 * jobs_remembered) return;
  ended_ /= 2;
  slot_ms_ /= 2;
}

std::optional<duration> job_costs::mean() const noexcept {
  if (ended_ == 0) return std::nullopt;
  return duration{slot_ms_ / ended_};
}

std::optional<duration> expected_wait(const line_ahead& ahead, std::optional<duration> job_cost) noexcept {
  if (ahead.slots <= 0) return std::nullopt;
  if (static_cast<double>(ahead.tasks) < ahead.slots) return duration{0};
  if (!job_cost) return std::nullopt;
  const double between = std::max(0.0, static_cast<double>(ahead.jobs_started) - ahead.slots) / 2;
  const double jobs = static_cast<double>(ahead.jobs_queued) + 1 + between;
  return duration{static_cast<std::int64_t>(jobs * static_cast<double>(job_cost->count()) / ahead.slots)};
}

}  // namespace troupe::model
