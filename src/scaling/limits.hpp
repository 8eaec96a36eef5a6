#pragma once

#include "base/units.hpp"

#include <cstddef>

// Bounds of what one pool may ask for. What does not fit is refused where the policy is read.
namespace troupe::scaling::limits {

inline constexpr int nodes = 10'000;              ///< of a pool
inline constexpr std::size_t rules = 32;          ///< of a pool; as many schedules
inline constexpr std::size_t steps = 32;          ///< of a rule
inline constexpr int points = 60;                 ///< periods that a rule looks back
inline constexpr std::size_t metric_bytes = 512;  ///< of a metric's name, with its class or query
inline constexpr std::size_t about_bytes = 2000;  ///< of a policy's description
inline constexpr duration period_most = 1h;
inline constexpr duration wait_most = 24h;           ///< of cool-downs, windows, warm-up
inline constexpr std::size_t window_samples = 1024;  ///< of a metric; the oldest leave
inline constexpr int schedule_days_back = 1500;      ///< a 29 February is found
inline constexpr std::size_t trace_rows = 1'000'000;
inline constexpr std::size_t trace_tasks = 20'000'000;
inline constexpr duration trace_time = 24h * 400;

}  // namespace troupe::scaling::limits
