#include "worker/executors.hpp"

#include "gpu/cpu/cpu.hpp"
#include "gpu/model/simulated.hpp"
#include "worker/watched_executor.hpp"

#include <cstdlib>

namespace troupe::worker {

std::shared_ptr<gpu::executor> make_executor(int threads) {
  const auto* const simulated = std::getenv("TROUPE_SIMULATED_GFLOPS");
  const auto* const state = std::getenv("TROUPE_SIMULATED_DEVICE");
  if (simulated != nullptr && std::atof(simulated) > 0)
    return watched(gpu::make_simulated_executor(std::atof(simulated) * 1e9, state != nullptr ? state : ""));
  return gpu::make_cpu_executor({.threads = threads});
}
const char* executor_name() noexcept { return "processor (oneDNN)"; }

}  // namespace troupe::worker
