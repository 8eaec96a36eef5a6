#include "worker/executors.hpp"

#include "gpu/cpu/cpu.hpp"

namespace troupe::worker {

std::shared_ptr<gpu::executor> make_executor(int threads) { return gpu::make_cpu_executor({.threads = threads}); }
const char* executor_name() noexcept { return "processor (oneDNN)"; }
bool is_executor_lost() noexcept { return false; }

}  // namespace troupe::worker
