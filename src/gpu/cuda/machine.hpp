#pragma once

#include <mutex>

#include "gpu/cuda/cuda.hpp"
#include "gpu/device/plan_cache.hpp"
#include "gpu/device/pool.hpp"

namespace troupe::gpu::cuda {

/// What all machines of one executor share. Any thread.
struct shared_state {
  cuda_options options;
  std::shared_ptr<device::pool> memory;
  std::mutex mutex;  ///< of the plans
  device::plan_cache plans;

  shared_state(cuda_options with, std::shared_ptr<device::pool> pool, std::string owner)
      : options(std::move(with)), memory(std::move(pool)), plans(std::move(owner)) {}
  [[nodiscard]] std::optional<device::plan_choice> find_plan(const std::string& key);
  /// Keeps it, also on disk. A file that cannot be written is written the next time, or never: plans are only faster.
  void keep_plan(const std::string& key, const device::plan_choice& choice);
  void drop_plan(const std::string& key);
};

/// A stream of the device with handles of the libraries.
[[nodiscard]] result<std::unique_ptr<device::machine>> make_machine(std::shared_ptr<shared_state> with);

}  // namespace troupe::gpu::cuda
