#pragma once

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

namespace troupe::bench {

/// Times of all processors since the start, in ticks. `stolen`: the hypervisor gave the processor to somebody else.
struct processor_time {
  double stolen = 0, all = 0;

  static processor_time now() {
    std::ifstream file{"/proc/stat"};
    std::string name;
    file >> name;
    processor_time found;
    for (int field = 0; field < 8; ++field) {  // user nice system idle iowait irq softirq steal, see proc(5)
      double ticks = 0;
      file >> ticks;
      found.all += ticks;
      found.stolen = ticks;
    }
    return found;
  }
};
/// Share of the processors' time between two looks that others of the host had.
[[nodiscard]] inline double stolen_between(const processor_time& before, const processor_time& after) {
  return (after.stolen - before.stolen) / (after.all - before.all);
}
/// Up to here the machine was left alone. Beyond, processors and disk stand still for tens of milliseconds, and what is measured
/// is that.
inline constexpr double stolen_most = 0.02;

/// The upper one of two. At least one value.
[[nodiscard]] inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.at(values.size() / 2);
}

}  // namespace troupe::bench
