#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/error.hpp"

/// What a machine's GPUs are doing, as NVIDIA's management library says. It is opened while the program runs: no toolkit is
/// needed to build, and a machine without a driver is an error that says so.
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
  std::optional<std::uint64_t> errors_corrected, errors_uncorrected;  ///< of memory, since the driver was loaded
};

/// Any thread; the library locks by itself.
class nvml {
 public:
  /// As the driver installs it.
  static constexpr const char* usual_library = "libnvidia-ml.so.1";

  /// @returns `not_found` if there is no such library, it lacks a function that is needed, or no driver is loaded.
  static result<nvml> open(const std::filesystem::path& library = usual_library);
  nvml(nvml&&) noexcept;
  nvml& operator=(nvml&&) noexcept;
  ~nvml();

  [[nodiscard]] result<unsigned> count() const;
  /// @param index from 0 on, in the order of the PCI bus: not always the one of CUDA.
  /// @returns `not_found` for another index; `process_failed` if the device has fallen off its bus.
  [[nodiscard]] result<device_reading> read(unsigned index) const;

 private:
  struct functions;
  explicit nvml(std::unique_ptr<functions> all);
  std::unique_ptr<functions> all_;
};

}  // namespace troupe::gpu
