#pragma once

#include <cstddef>
#include <filesystem>

#include "gpu/device/network.hpp"

namespace troupe::gpu {

struct cuda_options {
  int device = 0;
  /// Bytes that all networks of the executor may hold together on the device, scratch memory included; 0: what is free when the
  /// executor is made. More is refused (`no_space`). CUDA's own context and its libraries come on top.
  std::size_t memory_budget = 0;
  /// Convolutions and products may shorten the mantissas of their inputs to 10 bits (TF32), as tensor cores take them.
  bool allows_tf32 = true;
  /// Pictures lie with their channels last where that suits tensor cores.
  bool channels_last = true;
  /// Several ways are timed when a network is prepared; else the one that cuDNN expects to be fastest is taken.
  bool tunes = true;
  /// Where the fastest ways are kept; empty: nowhere. One file may serve several processes.
  std::filesystem::path plans = {};
  /// See `device::network_options`.
  bool records = true;
  std::function<void(const device::network_figures&)> on_prepared = {};
  /// Called for each convolution whose plans were timed, with the milliseconds that the fastest one took by itself, if set.
  std::function<void(double)> on_timed = {};
};

/// Runs networks on a GPU: convolutions by cuDNN, products by cuBLAS, all else by kernels of its own; what these lack is computed
/// on the processor. Networks of one executor may run on several threads at once, each one on one, with a stream of its own.
/// @returns `not_found` if there is no such device, or no driver.
[[nodiscard]] result<std::unique_ptr<executor>> make_cuda_executor(const cuda_options& options);

/// How many devices there are; 0 without a driver.
[[nodiscard]] int count_cuda_devices() noexcept;

}  // namespace troupe::gpu
