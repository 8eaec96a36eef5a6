#include "gpu/plan/specialise.hpp"

#include <fmt/format.h>

#include "gpu/operators.hpp"

namespace troupe::gpu {

namespace {

result<void> check_inputs(const graph& network, std::span<const tensor_type> inputs) {
  if (inputs.size() != network.inputs.size())
    return error{errc::bad_request, fmt::format("the network has {} inputs, not {}", network.inputs.size(), inputs.size())};
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto& declared = network.values[network.inputs[i]];
    if (declared.type && *declared.type != inputs[i].type)
      return error{errc::bad_request, fmt::format("input '{}' is {}; the network wants {}", declared.name,
                                                  to_string(inputs[i].type), to_string(*declared.type))};
  }
  return {};
}

/// What is known of the inputs of one node. Null where an input is left out; `false` if the type of one is not known.
struct gathered {
  std::vector<known_input> known;
  std::vector<const known_input*> pointers;
};

bool gather(const node& of, const specialised& made, gathered& into) {
  into.known.assign(of.inputs.size(), {});
  into.pointers.assign(of.inputs.size(), nullptr);
  for (std::size_t i = 0; i < of.inputs.size(); ++i) {
    const auto id = of.inputs[i];
    if (id == no_value) continue;
    if (!made.types[id]) return false;
    const auto& constant = made.network.values[id].constant;
    into.known[i] = {.type = *made.types[id], .constant = constant ? &*constant : nullptr};
    into.pointers[i] = &into.known[i];
  }
  return true;
}

}  // namespace

std::vector<int> readers_of(const graph& network) {
  std::vector<int> readers(network.values.size(), 0);
  for (const auto& one : network.nodes)
    for (const auto id : one.inputs)
      if (id != no_value) ++readers[id];
  for (const auto id : network.outputs) ++readers[id];
  return readers;
}

void drop_unread(graph& network) {
  auto readers = readers_of(network);
  std::vector<node> kept;
  for (auto one = network.nodes.rbegin(); one != network.nodes.rend(); ++one) {
    const bool is_read = std::ranges::any_of(one->outputs, [&](value_id id) { return id != no_value && readers[id] > 0; });
    if (is_read) {
      kept.push_back(std::move(*one));
      continue;
    }
    for (const auto id : one->inputs)
      if (id != no_value) --readers[id];
  }
  std::ranges::reverse(kept);
  network.nodes = std::move(kept);
  for (value_id id = 0; id < network.values.size(); ++id)
    if (readers[id] == 0) network.values[id].constant.reset();
}

result<specialised> specialise(const graph& network, std::span<const tensor_type> inputs) {
  TROUPE_CHECK(check_operators(network));
  TROUPE_CHECK(check_inputs(network, inputs));
  specialised made{.network = network, .types = {}};
  made.network.nodes.clear();
  made.types.resize(network.values.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) made.types[network.inputs[i]] = inputs[i];
  for (value_id id = 0; id < network.values.size(); ++id)
    if (const auto& constant = network.values[id].constant) made.types[id] = constant->full_type();
  gathered known;
  for (const auto& one : network.nodes) {
    if (!gather(one, made, known)) {
      made.network.nodes.push_back(one);
      continue;
    }
    TROUPE_TRY(auto outcome, infer_node(one, known.pointers));
    for (std::size_t i = 0; i < one.outputs.size(); ++i) {
      if (one.outputs[i] == no_value) continue;
      if (i < outcome.types.size()) made.types[one.outputs[i]] = outcome.types[i];
      if (i < outcome.constants.size()) made.network.values[one.outputs[i]].constant = outcome.constants[i];
    }
    if (outcome.constants.empty()) made.network.nodes.push_back(one);
  }
  drop_unread(made.network);
  return made;
}

}  // namespace troupe::gpu
