#pragma once

#include "base/units.hpp"

#include <cstdint>

namespace troupe::sim {

/// Numbers that depend on the seed alone, on every platform (splitmix64; Steele, Lea, Flood 2014).
class random {
 public:
  explicit random(std::uint64_t seed) noexcept : state_(seed * 0x9e3779b97f4a7c15u + 0x632be59bd9b4e019u) {}

  std::uint64_t next() noexcept {
    state_ += 0x9e3779b97f4a7c15u;
    auto z = state_;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }
  /// 0..count-1; `count` is above 0.
  std::uint64_t below(std::uint64_t count) noexcept { return next() % count; }
  /// least..most, both included.
  std::int64_t between(std::int64_t least, std::int64_t most) noexcept {
    return least + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(most - least + 1)));
  }
  duration between(duration least, duration most) noexcept { return duration{between(least.count(), most.count())}; }
  bool chance(std::uint32_t permille) noexcept { return below(1000) < permille; }

 private:
  std::uint64_t state_;
};

}  // namespace troupe::sim
