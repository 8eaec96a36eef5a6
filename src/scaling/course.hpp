#pragma once

#include "base/units.hpp"

#include <cstddef>
#include <deque>

namespace troupe::scaling {

/// How many nodes a pool had, and should have had, over the last hours. Pure.
class course {
 public:
  struct point {
    timestamp at{};
    int desired = 0;
    int ready = 0;               ///< nodes that work
    std::size_t unfinished = 0;  ///< tasks; the most since the point before
    friend bool operator==(const point&, const point&) = default;
  };
  /// A change of nodes is a point of its own; tasks alone are kept once in `distance`.
  void add(const point& now);
  /// The oldest first, `most` of them.
  [[nodiscard]] const std::deque<point>& points() const noexcept { return points_; }

  static constexpr std::size_t most = 720;
  static constexpr duration distance = 1min;

 private:
  std::deque<point> points_;
  std::size_t unfinished_ = 0;  // the most since the last point
};

}  // namespace troupe::scaling
