#include "gpu/plan/patterns.hpp"

#include <cmath>

namespace troupe::gpu::detail {

wiring::wiring(const graph& network)
    : network_(network),
      makers_(network.values.size(), none),
      last_reader_(network.values.size(), none),
      readers_(gpu::readers_of(network)) {
  for (std::size_t i = 0; i < network.nodes.size(); ++i) {
    for (const auto id : network.nodes[i].outputs)
      if (id != no_value) makers_[id] = i;
    for (const auto id : network.nodes[i].inputs)
      if (id != no_value) last_reader_[id] = i;
  }
}

const node* wiring::maker_of(value_id id) const noexcept {
  return id == no_value || makers_[id] == none ? nullptr : &network_.nodes[makers_[id]];
}

const node* wiring::maker_of(value_id id, std::string_view op) const noexcept {
  const auto* const maker = maker_of(id);
  return maker && maker->op == op ? maker : nullptr;
}

std::optional<std::size_t> wiring::only_reader(value_id id) const noexcept {
  if (readers_[id] != 1 || last_reader_[id] == none) return std::nullopt;
  return last_reader_[id];
}

std::optional<double> scalar_of(const graph& network, value_id id) {
  if (id == no_value || !network.values[id].constant || network.values[id].constant->count() != 1) return std::nullopt;
  return network.values[id].constant->number(0);
}

bool is_number(const graph& network, value_id id, double number) {
  const auto found = scalar_of(network, id);
  return found && std::abs(*found - number) <= 1e-6 * std::max(1.0, std::abs(number));
}

value_id other_input(const node& of, value_id known) noexcept {
  if (of.inputs.size() != 2) return no_value;
  if (of.inputs[0] == known) return of.inputs[1];
  return of.inputs[1] == known ? of.inputs[0] : no_value;
}

}  // namespace troupe::gpu::detail
