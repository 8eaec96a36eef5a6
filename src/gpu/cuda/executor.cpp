#include <fmt/format.h>

#include "gpu/cuda/check.hpp"
#include "gpu/cuda/machine.hpp"

namespace troupe::gpu {

namespace {

using cuda::checked;

/// "NVIDIA H100 80GB HBM3, compute 9.0, cuDNN 91900, driver 13000".
result<std::string> describe(int device) {
  cudaDeviceProp what{};
  TROUPE_CUDA(cudaGetDeviceProperties, &what, device);
  int driver = 0;
  TROUPE_CUDA(cudaDriverGetVersion, &driver);
  return fmt::format("{}, compute {}.{}, cuDNN {}, driver {}", what.name, what.major, what.minor, cudnnGetVersion(), driver);
}

}  // namespace

int count_cuda_devices() noexcept {
  int count = 0;
  if (cudaGetDeviceCount(&count) == cudaSuccess) return count;
  (void)cudaGetLastError();
  return 0;
}

result<std::unique_ptr<executor>> make_cuda_executor(const cuda_options& options) {
  const auto devices = count_cuda_devices();
  if (options.device < 0 || options.device >= devices)
    return error{errc::not_found, fmt::format("there is no CUDA device {}: the driver knows {}", options.device, devices)};
  TROUPE_CUDA(cudaSetDevice, options.device);
  TROUPE_TRY(auto owner, describe(options.device));
  std::size_t free = 0, all = 0;
  TROUPE_CUDA(cudaMemGetInfo, &free, &all);
  const auto memory = std::make_shared<device::pool>(options.memory_budget != 0 ? options.memory_budget : free);
  const auto with = std::make_shared<cuda::shared_state>(options, memory, std::move(owner));
  if (!options.plans.empty()) (void)with->plans.load(options.plans);  // plans are only faster
  device::network_options how{.layout = {.channels_last = options.channels_last && options.allows_tf32},
                              .records = options.records,
                              .on_prepared = options.on_prepared};
  return device::make_device_executor([with] { return cuda::make_machine(with); }, how);
}

}  // namespace troupe::gpu
