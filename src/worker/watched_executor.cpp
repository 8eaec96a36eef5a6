#include "worker/watched_executor.hpp"

#include <atomic>

namespace troupe::worker {

namespace {

std::atomic<device_trouble> trouble = device_trouble::none;

template <class Value>
result<Value> looked_at(result<Value> outcome) {
  if (outcome) return outcome;
  if (outcome.error().code == errc::process_failed) trouble = device_trouble::lost;
  auto before = device_trouble::none;
  if (outcome.error().code == errc::too_large) trouble.compare_exchange_strong(before, device_trouble::full);
  return outcome;
}

class watched_network : public gpu::prepared_network {
 public:
  explicit watched_network(std::unique_ptr<gpu::prepared_network> network) : network_{std::move(network)} {}
  result<std::vector<gpu::tensor>> run(std::span<const gpu::tensor> inputs) override { return looked_at(network_->run(inputs)); }
  [[nodiscard]] std::size_t memory() const noexcept override { return network_->memory(); }

 private:
  std::unique_ptr<gpu::prepared_network> network_;
};

class watched_executor : public gpu::executor {
 public:
  explicit watched_executor(result<std::unique_ptr<gpu::executor>> made) : made_{looked_at(std::move(made))} {}
  result<std::unique_ptr<gpu::prepared_network>> prepare(const gpu::graph& network, std::span<const gpu::tensor_type> inputs,
                                                         gpu::precision with) override {
    if (!made_) return made_.error();
    TROUPE_TRY(auto ready, looked_at((*made_)->prepare(network, inputs, with)));
    return std::unique_ptr<gpu::prepared_network>{std::make_unique<watched_network>(std::move(ready))};
  }

 private:
  result<std::unique_ptr<gpu::executor>> made_;
};

}  // namespace

std::shared_ptr<gpu::executor> watched(result<std::unique_ptr<gpu::executor>> made) {
  return std::make_shared<watched_executor>(std::move(made));
}

device_trouble take_device_trouble() noexcept {
  auto seen = device_trouble::full;
  trouble.compare_exchange_strong(seen, device_trouble::none);
  return trouble == device_trouble::lost ? device_trouble::lost : seen;
}

}  // namespace troupe::worker
