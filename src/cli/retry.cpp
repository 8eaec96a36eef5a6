#include "cli/retry.hpp"

#include <algorithm>

namespace troupe::cli {

std::optional<duration> retry_budget::next(duration now, std::optional<duration> asked) noexcept {
  if (!since_) since_ = now;
  const auto rest = left(now);
  if (rest <= 0ms) return std::nullopt;
  if (asked && *asked > rest) return std::nullopt;
  const auto wait = std::min(std::max(step_, asked.value_or(0ms)), rest);
  step_ = std::min(step_ * 2, step_most);
  return wait;
}

duration retry_budget::left(duration now) const noexcept { return since_ ? *since_ + patience_ - now : patience_; }

void retry_budget::succeeded() noexcept {
  since_.reset();
  step_ = first_step;
}

}  // namespace troupe::cli
