#pragma once

#include "base/units.hpp"

#include <optional>

namespace troupe::cli {

/// When to try again after the connection was lost or the node was busy, and when to give up. Pure: time comes in.
class retry_budget {
 public:
  /// @param patience  how long to go on without any success; zero: never try again.
  explicit retry_budget(duration patience) noexcept : patience_(patience) {}

  /// A try begins at `now`: what it takes, if it goes wrong, counts.
  void began(duration now) noexcept {
    if (!since_) since_ = now;
  }
  /// A try went wrong at `now` (any clock that never goes back).
  /// @param asked  what the node wants us to wait (Retry-After).
  /// @returns how long to wait; nothing when the patience is used up, or would be by then.
  [[nodiscard]] std::optional<duration> next(duration now, std::optional<duration> asked = std::nullopt) noexcept;
  /// How long it may still go on.
  [[nodiscard]] duration left(duration now) const noexcept;
  /// Something worked: start afresh.
  void succeeded() noexcept;
  [[nodiscard]] duration patience() const noexcept { return patience_; }

 private:
  duration patience_;
  std::optional<duration> since_;
  duration step_ = first_step;

  static constexpr duration first_step = 250ms;
  static constexpr duration step_most = 5s;
};

}  // namespace troupe::cli
