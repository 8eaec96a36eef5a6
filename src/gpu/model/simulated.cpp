#include "gpu/model/simulated.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "gpu/model/look.hpp"

namespace troupe::gpu {

namespace {

class simulated_network : public prepared_network {
 public:
  simulated_network(std::vector<tensor> outputs, std::chrono::duration<double> takes, std::size_t memory)
      : outputs_(std::move(outputs)), takes_(takes), memory_(memory) {}
  result<std::vector<tensor>> run(std::span<const tensor>) override {
    std::this_thread::sleep_for(takes_);  // this is the work
    return outputs_;
  }
  [[nodiscard]] std::size_t memory() const noexcept override { return memory_; }

 private:
  std::vector<tensor> outputs_;
  std::chrono::duration<double> takes_;
  std::size_t memory_;
};

tensor grey(const tensor_type& type) {
  tensor made(type);
  if (type.type == dtype::f32) std::fill_n(made.as<float>(), made.count(), 0.5F);
  if (type.type == dtype::f16) std::fill_n(made.as<half>(), made.count(), half(0.5F));
  return made;
}

class simulated_executor : public executor {
 public:
  explicit simulated_executor(double speed) : speed_(speed) {}
  result<std::unique_ptr<prepared_network>> prepare(const graph& network, std::span<const tensor_type> inputs) override {
    TROUPE_TRY(const auto facts, look_at(network, inputs));
    std::vector<tensor> outputs;
    for (const auto& type : facts.outputs) {
      if (!type) return error{errc::bad_request, "a simulated device cannot run a network whose results have no known shape"};
      outputs.push_back(grey(*type));
    }
    std::size_t memory = facts.largest_step;
    for (const auto& value : network.values)
      if (value.constant) memory += bytes_of(value.constant->full_type());
    return std::make_unique<simulated_network>(std::move(outputs), std::chrono::duration<double>(facts.flop / speed_), memory);
  }

 private:
  double speed_;
};

}  // namespace

std::unique_ptr<executor> make_simulated_executor(double speed) { return std::make_unique<simulated_executor>(speed); }

}  // namespace troupe::gpu
