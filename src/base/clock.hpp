#pragma once

#include "base/units.hpp"

#include <chrono>

namespace troupe {

/// Wall-clock time that never jumps: the wall clock at construction plus what the steady clock has counted since. A change of the
/// machine's clock takes effect at the next start. Any thread.
class steady_wall_clock {
 public:
  [[nodiscard]] timestamp now() const {
    return std::chrono::time_point_cast<duration>(wall_ + (std::chrono::steady_clock::now() - steady_));
  }

 private:
  std::chrono::system_clock::time_point wall_ = std::chrono::system_clock::now();
  std::chrono::steady_clock::time_point steady_ = std::chrono::steady_clock::now();
};

}  // namespace troupe
