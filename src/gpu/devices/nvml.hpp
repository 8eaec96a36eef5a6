#pragma once

#include "gpu/devices/device_source.hpp"

#include <filesystem>

/// What a machine's GPUs are doing, as NVIDIA's management library says. It is opened while the program runs: no toolkit is
/// needed to build, and a machine without a driver is an error that says so.
namespace troupe::gpu {

class nvml : public device_source {
 public:
  /// As the driver installs it.
  static constexpr const char* usual_library = "libnvidia-ml.so.1";

  /// @returns `not_found` if there is no such library, it lacks a function that is needed, or no driver is loaded.
  static result<nvml> open(const std::filesystem::path& library = usual_library);
  nvml(nvml&&) noexcept;
  nvml& operator=(nvml&&) noexcept;
  ~nvml() override;

  [[nodiscard]] result<unsigned> count() const override;
  /// @param index in the order of the PCI bus: not always the one of CUDA
  [[nodiscard]] result<device_reading> read(unsigned index) override;

 private:
  struct functions;
  explicit nvml(std::unique_ptr<functions> all);
  std::unique_ptr<functions> all_;
};

}  // namespace troupe::gpu
