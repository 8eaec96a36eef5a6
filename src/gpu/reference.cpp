#include <fmt/format.h>

#include <optional>

#include "gpu/executor.hpp"
#include "gpu/operators.hpp"

namespace troupe::gpu {

namespace {

/// Computes node after node; an element is dropped after its last reader.
class reference_network : public prepared_network {
 public:
  explicit reference_network(graph network) : network_(std::move(network)), readers_(network_.values.size(), 0) {
    for (const auto& one : network_.nodes)
      for (const auto id : one.inputs)
        if (id != no_value) ++readers_[id];
    for (const auto id : network_.outputs) ++readers_[id];
  }

  result<std::vector<tensor>> run(std::span<const tensor> inputs) override {
    std::vector<std::optional<tensor>> values(network_.values.size());
    auto readers = readers_;
    for (std::size_t i = 0; i < inputs.size(); ++i) values[network_.inputs[i]] = inputs[i];
    for (std::size_t i = 0; i < values.size(); ++i)
      if (network_.values[i].constant) values[i] = network_.values[i].constant;
    for (const auto& one : network_.nodes) {
      std::vector<const tensor*> given;
      for (const auto id : one.inputs) given.push_back(id == no_value ? nullptr : &*values[id]);
      TROUPE_TRY(auto made, compute_node(one, given));
      for (std::size_t i = 0; i < one.outputs.size() && i < made.size(); ++i)
        if (one.outputs[i] != no_value && readers[one.outputs[i]] > 0) values[one.outputs[i]] = std::move(made[i]);
      for (const auto id : one.inputs)
        if (id != no_value && --readers[id] == 0) values[id].reset();
    }
    std::vector<tensor> outputs;
    for (const auto id : network_.outputs) {
      if (!values[id]) return error{errc::internal, fmt::format("output '{}' was not made", network_.values[id].name)};
      outputs.push_back(*values[id]);
    }
    return outputs;
  }

  [[nodiscard]] std::size_t memory() const noexcept override { return 0; }

 private:
  graph network_;
  std::vector<int> readers_;
};

class reference_executor : public executor {
 public:
  result<std::unique_ptr<prepared_network>> prepare(const graph& network, std::span<const tensor_type> inputs,
                                                    precision) override {
    TROUPE_CHECK(check_operators(network));
    if (inputs.size() != network.inputs.size())
      return error{errc::bad_request, fmt::format("the network has {} inputs, not {}", network.inputs.size(), inputs.size())};
    return std::unique_ptr<prepared_network>(std::make_unique<reference_network>(network));
  }
};

}  // namespace

const char* to_string(precision what) noexcept {
  switch (what) {
    case precision::single: return "single";
    case precision::half: return "half";
    case precision::bfloat16: return "bfloat16";
  }
  return "unknown";
}

std::unique_ptr<executor> make_reference_executor() { return std::make_unique<reference_executor>(); }

}  // namespace troupe::gpu
