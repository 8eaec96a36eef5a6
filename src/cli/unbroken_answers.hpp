#pragma once

#include "base/units.hpp"

#include <chrono>

namespace troupe::cli {

/// For how long a question that is asked again and again has been answered every time. One thread.
class unbroken_answers {
 public:
  using time = std::chrono::steady_clock::time_point;

  /// @param break_most  between two answers that belong together
  explicit unbroken_answers(duration break_most) : break_most_(break_most) {}

  /// @param now  after the answer, or when it was clear that there is none
  void note(bool is_answered, time now) {
    const bool goes_on = is_answered && has_begun_ && now - last_ <= break_most_;
    if (!goes_on) since_ = now;
    has_begun_ = is_answered;
    last_ = now;
  }
  [[nodiscard]] bool have_lasted(duration time_least) const { return has_begun_ && last_ - since_ >= time_least; }

 private:
  duration break_most_;
  bool has_begun_ = false;
  time since_{}, last_{};
};

}  // namespace troupe::cli
