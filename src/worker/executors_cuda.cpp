#include "worker/executors.hpp"

#include "gpu/cuda/cuda.hpp"

#include <atomic>
#include <cstdlib>
#include <filesystem>

namespace troupe::worker {

namespace {

std::atomic<bool> is_lost = false;

template <class Value>
result<Value> watched(result<Value> outcome) {
  if (!outcome && outcome.error().code == errc::process_failed) is_lost = true;
  return outcome;
}

/// Remembers that the device is lost.
class watched_network : public gpu::prepared_network {
 public:
  explicit watched_network(std::unique_ptr<gpu::prepared_network> network) : network_{std::move(network)} {}
  result<std::vector<gpu::tensor>> run(std::span<const gpu::tensor> inputs) override { return watched(network_->run(inputs)); }
  [[nodiscard]] std::size_t memory() const noexcept override { return network_->memory(); }

 private:
  std::unique_ptr<gpu::prepared_network> network_;
};

class watched_executor : public gpu::executor {
 public:
  /// @param made an error if there is no device: every network is refused with it.
  explicit watched_executor(result<std::unique_ptr<gpu::executor>> made) : made_{std::move(made)} {}
  result<std::unique_ptr<gpu::prepared_network>> prepare(const gpu::graph& network,
                                                         std::span<const gpu::tensor_type> inputs) override {
    if (!made_) return made_.error();
    TROUPE_TRY(auto ready, watched((*made_)->prepare(network, inputs)));
    return std::unique_ptr<gpu::prepared_network>{std::make_unique<watched_network>(std::move(ready))};
  }

 private:
  result<std::unique_ptr<gpu::executor>> made_;
};

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
  return std::make_shared<watched_executor>(watched(gpu::make_cuda_executor(options)));
}

}  // namespace

std::shared_ptr<gpu::executor> make_executor(int) {
  static const auto one = open_device();  // all networks of the process share one budget
  return one;
}
const char* executor_name() noexcept { return "GPU (CUDA, cuDNN)"; }
bool is_executor_lost() noexcept { return is_lost; }

}  // namespace troupe::worker
