#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gpu/model/boxes.hpp"

namespace troupe::gpu {

/// Gives things the same number from frame to frame: a sighting continues the thing of its class that it overlaps most, best pair
/// first (after Bochinski et al., "High-Speed Tracking-by-Detection Without Using Image Information", 2017).
class tracker {
 public:
  /// Less in common, and it is another thing.
  static constexpr float overlap_least = 0.3F;
  /// A thing that was not seen for more frames than that is a new one when it comes back.
  static constexpr int absent_most = 30;

  /// @returns a number for each sighting, from 0 in the order of appearance; new ones of a frame from left to right.
  std::vector<std::uint32_t> follow(std::span<const sighting> seen);
  /// How many things there were up to now.
  [[nodiscard]] std::uint32_t count() const noexcept { return next_; }

 private:
  struct thing {
    std::uint32_t number = 0;
    sighting last;
    int absent = 0;
  };
  std::vector<thing> things_;
  std::uint32_t next_ = 0;
};

}  // namespace troupe::gpu
