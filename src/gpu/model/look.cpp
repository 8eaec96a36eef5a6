#include "gpu/model/look.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "gpu/operators.hpp"

namespace troupe::gpu {

namespace {

/// Multiplications and additions of one node.
double flop_of(const node& one, known_inputs inputs, const output_types& outputs) {
  const auto* const first = input_or_null(inputs, 0);
  const auto* const second = input_or_null(inputs, 1);
  if (!first || !second || outputs.empty()) return 0;
  const auto& weights = second->type.shape;
  const auto made = static_cast<double>(count_of(outputs.front().shape));
  const auto all_but_first = [&] {
    return weights.empty() ? 0.0 : static_cast<double>(count_of({weights.begin() + 1, weights.end()}));
  };
  if (one.op == "Conv") return 2 * made * all_but_first();
  if (one.op == "ConvTranspose") return 2 * static_cast<double>(count_of(first->type.shape)) * all_but_first();
  const bool is_product = one.op == "MatMul" || one.op == "Gemm";
  if (!is_product || first->type.shape.empty()) return 0;
  const bool is_turned = one.op == "Gemm" && one.integer("transA", 0) != 0;
  return 2 * made * static_cast<double>(is_turned ? first->type.shape.front() : first->type.shape.back());
}

class walk {
 public:
  walk(const graph& network, std::span<const tensor_type> inputs) : network_(network), known_(network.values.size()) {
    for (std::size_t i = 0; i < network.values.size(); ++i) {
      const auto& constant = network.values[i].constant;
      if (!constant) continue;
      known_[i] = known_input{.type = constant->full_type(), .constant = &*constant};
      if (is_floating(constant->type())) facts_.parameters += constant->count();
    }
    for (std::size_t i = 0; i < network.inputs.size(); ++i) known_[network.inputs[i]] = known_input{.type = inputs[i]};
    facts_.nodes = network.nodes.size();
  }

  result<network_facts> go() {
    for (const auto& one : network_.nodes) TROUPE_CHECK(follow(one));
    for (const auto id : network_.outputs) facts_.outputs.push_back(known_[id] ? std::optional{known_[id]->type} : std::nullopt);
    return facts_;
  }

 private:
  result<void> follow(const node& one) {
    std::vector<const known_input*> inputs;
    for (const auto id : one.inputs) {
      if (id != no_value && !known_[id]) return {};  // behind a shape that is not known
      inputs.push_back(id == no_value ? nullptr : &*known_[id]);
    }
    TROUPE_TRY(auto made, infer_node(one, inputs));
    facts_.flop += flop_of(one, inputs, made.types);
    std::size_t at_work = 0;
    for (const auto* input : inputs)
      if (input && !input->constant) at_work += bytes_of(input->type);
    for (const auto& type : made.types) at_work += bytes_of(type);
    facts_.largest_step = std::max(facts_.largest_step, at_work);
    for (std::size_t i = 0; i < one.outputs.size(); ++i) {
      if (one.outputs[i] == no_value || i >= made.types.size()) continue;
      auto& known = known_[one.outputs[i]].emplace(known_input{.type = made.types[i]});
      if (i >= made.constants.size()) continue;
      folded_.push_back(std::make_unique<tensor>(std::move(made.constants[i])));
      known.constant = folded_.back().get();
    }
    return {};
  }

  const graph& network_;
  std::vector<std::optional<known_input>> known_;
  std::vector<std::unique_ptr<tensor>> folded_;
  network_facts facts_;
};

}  // namespace

result<network_facts> look_at(const graph& network, std::span<const tensor_type> inputs) {
  TROUPE_CHECK(check_operators(network));
  if (inputs.size() != network.inputs.size())
    return error{errc::bad_request, fmt::format("the network has {} inputs, not {}", network.inputs.size(), inputs.size())};
  return walk(network, inputs).go();
}

}  // namespace troupe::gpu
