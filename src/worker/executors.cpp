#include "worker/executors.hpp"

#include "gpu/cpu/cpu.hpp"
#include "gpu/model/simulated.hpp"

#include <cstdlib>

namespace troupe::worker {

std::shared_ptr<gpu::executor> make_executor(int threads) {
  const auto* const simulated = std::getenv("TROUPE_SIMULATED_GFLOPS");
  if (simulated != nullptr && std::atof(simulated) > 0) return gpu::make_simulated_executor(std::atof(simulated) * 1e9);
  return gpu::make_cpu_executor({.threads = threads});
}
const char* executor_name() noexcept { return "processor (oneDNN)"; }
bool is_executor_lost() noexcept { return false; }

}  // namespace troupe::worker
