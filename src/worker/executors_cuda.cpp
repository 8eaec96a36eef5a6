#include "worker/executors.hpp"

#include "gpu/cuda/cuda.hpp"
#include "worker/watched_executor.hpp"

#include <cstdlib>
#include <filesystem>

namespace troupe::worker {

namespace {

std::string setting(const char* name) {
  const auto* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

/// Beside other caches of the user; nowhere if he has no home.
std::filesystem::path plans_file() {
  if (const auto named = setting("TROUPE_CUDA_PLANS"); !named.empty()) return named;
  if (const auto caches = setting("XDG_CACHE_HOME"); !caches.empty()) return std::filesystem::path{caches} / "troupe/cuda-plans";
  if (const auto home = setting("HOME"); !home.empty()) return std::filesystem::path{home} / ".cache/troupe/cuda-plans";
  return {};
}

std::shared_ptr<gpu::executor> open_device() {
  gpu::cuda_options options;
  options.memory_budget = std::strtoull(setting("TROUPE_CUDA_MEMORY").c_str(), nullptr, 10);
  options.allows_tf32 = setting("TROUPE_CUDA_TF32") != "0";
  options.plans = plans_file();
  return watched(gpu::make_cuda_executor(options));
}

}  // namespace

std::shared_ptr<gpu::executor> make_executor(int) {
  static const auto one = open_device();  // all networks of the process share one budget
  return one;
}
const char* executor_name() noexcept { return "GPU (CUDA, cuDNN)"; }

}  // namespace troupe::worker
