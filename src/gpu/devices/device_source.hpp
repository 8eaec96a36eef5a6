#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe::gpu {

/// One device at one moment. What the device or its driver does not say is absent.
struct device_reading {
  std::string name;                                 ///< "NVIDIA H100 80GB HBM3"
  std::string uuid;                                 ///< "GPU-..."; the same after a restart
  std::uint64_t memory_total = 0, memory_used = 0;  ///< bytes
  std::optional<unsigned> busy_percent;             ///< of the last sample of the driver (1/6 to 1 s)
  std::optional<unsigned> memory_busy_percent;      ///< of that time, with reads or writes of its memory
  std::optional<unsigned> encoder_percent, decoder_percent;
  std::optional<unsigned> encoder_sessions;
  std::optional<unsigned> temperature_celsius;
  std::optional<double> power_watts;
  std::optional<std::uint64_t> errors_corrected, errors_uncorrected;  ///< of memory, since the driver was loaded
  std::vector<unsigned> xids;  ///< errors that the driver has told of since the reading before
};

/// Where readings of devices come from. One thread at a time.
class device_source {
 public:
  device_source() = default;
  device_source(device_source&&) noexcept = default;
  device_source& operator=(device_source&&) noexcept = default;
  virtual ~device_source() = default;
  [[nodiscard]] virtual result<unsigned> count() const = 0;
  /// @param index from 0 on
  /// @returns `not_found` for another index; `process_failed` if the device has fallen off its bus.
  [[nodiscard]] virtual result<device_reading> read(unsigned index) = 0;
};

}  // namespace troupe::gpu
