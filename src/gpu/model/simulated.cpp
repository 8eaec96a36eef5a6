#include "gpu/model/simulated.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "gpu/devices/simulated.hpp"
#include "gpu/model/look.hpp"

namespace troupe::gpu {

namespace {

/// What a device that is not well says, in the codes of one that is there.
result<void> check_device(const std::filesystem::path& state) {
  if (state.empty()) return {};
  const auto said = read_simulated_state(state);
  const auto network = said.find("network");
  if (network == said.end()) return {};
  if (network->second == "lost") return error{errc::process_failed, "the simulated device is said to be lost"};
  if (network->second == "full") return error{errc::too_large, "the simulated device is said to be full"};
  return {};
}

class simulated_network : public prepared_network {
 public:
  simulated_network(std::vector<tensor> outputs, std::chrono::duration<double> takes, std::size_t memory,
                    std::filesystem::path state)
      : outputs_(std::move(outputs)), takes_(takes), memory_(memory), state_(std::move(state)) {}
  result<std::vector<tensor>> run(std::span<const tensor>) override {
    TROUPE_CHECK(check_device(state_));
    std::this_thread::sleep_for(takes_);  // this is the work
    return outputs_;
  }
  [[nodiscard]] std::size_t memory() const noexcept override { return memory_; }

 private:
  std::vector<tensor> outputs_;
  std::chrono::duration<double> takes_;
  std::size_t memory_;
  std::filesystem::path state_;
};

tensor grey(const tensor_type& type) {
  tensor made(type);
  if (type.type == dtype::f32) std::fill_n(made.as<float>(), made.count(), 0.5F);
  if (type.type == dtype::f16) std::fill_n(made.as<half>(), made.count(), half(0.5F));
  return made;
}

class simulated_executor : public executor {
 public:
  simulated_executor(double speed, std::filesystem::path state) : speed_(speed), state_(std::move(state)) {}
  result<std::unique_ptr<prepared_network>> prepare(const graph& network, std::span<const tensor_type> inputs,
                                                    precision) override {
    TROUPE_CHECK(check_device(state_));
    TROUPE_TRY(const auto facts, look_at(network, inputs));
    std::vector<tensor> outputs;
    for (const auto& type : facts.outputs) {
      if (!type) return error{errc::bad_request, "a simulated device cannot run a network whose results have no known shape"};
      outputs.push_back(grey(*type));
    }
    std::size_t memory = facts.largest_step;
    for (const auto& value : network.values)
      if (value.constant) memory += bytes_of(value.constant->full_type());
    return std::make_unique<simulated_network>(std::move(outputs), std::chrono::duration<double>(facts.flop / speed_), memory,
                                               state_);
  }

 private:
  double speed_;
  std::filesystem::path state_;
};

}  // namespace

std::unique_ptr<executor> make_simulated_executor(double speed, std::filesystem::path state) {
  return std::make_unique<simulated_executor>(speed, std::move(state));
}

}  // namespace troupe::gpu
