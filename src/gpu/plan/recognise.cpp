#include <numbers>

#include "gpu/plan/fuse.hpp"
#include "gpu/plan/patterns.hpp"

namespace troupe::gpu {

namespace {

using namespace detail;

struct found_activation {
  std::string_view op;
  value_id input = no_value;
};

/// x * HardSigmoid(x) with HardSwish's numbers, or x * (clip(x + 3, 0, 6) / 6), as PyTorch wrote it before opset 14.
bool is_hard_sigmoid(const graph& in, const wiring& wires, value_id gate, value_id x) {
  if (const auto* const one = wires.maker_of(gate, "HardSigmoid"))
    return one->inputs[0] == x && std::abs(one->number("alpha", 0.2f) - 1.f / 6) < 1e-5f && one->number("beta", 0.5f) == 0.5f;
  const auto* const divided = wires.maker_of(gate, "Div");
  if (!divided || !is_number(in, divided->inputs[1], 6)) return false;
  const auto* const clipped = wires.maker_of(divided->inputs[0], "Clip");
  if (!clipped) return false;
  const bool zero_to_six = clipped->inputs.size() == 3
                               ? is_number(in, clipped->inputs[1], 0) && is_number(in, clipped->inputs[2], 6)
                               : clipped->number("min", -1) == 0 && clipped->number("max", -1) == 6;
  const auto* const moved = wires.maker_of(clipped->inputs[0], "Add");
  return zero_to_six && moved && is_number(in, other_input(*moved, x), 3);
}

/// 1 + erf(x / sqrt(2))
bool is_gelu_gate(const graph& in, const wiring& wires, value_id gate, value_id x) {
  const auto* const raised = wires.maker_of(gate, "Add");
  if (!raised) return false;
  for (const auto side : raised->inputs) {
    const auto* const erf = wires.maker_of(side, "Erf");
    if (!erf || !is_number(in, other_input(*raised, side), 1)) continue;
    if (const auto* const scaled = wires.maker_of(erf->inputs[0], "Div"))
      return scaled->inputs[0] == x && is_number(in, scaled->inputs[1], std::numbers::sqrt2);
    if (const auto* const scaled = wires.maker_of(erf->inputs[0], "Mul"))
      return is_number(in, other_input(*scaled, x), 1 / std::numbers::sqrt2);
  }
  return false;
}

/// What x * gate is.
std::optional<found_activation> product(const graph& in, const wiring& wires, value_id x, value_id gate) {
  if (const auto* const one = wires.maker_of(gate, "Sigmoid"); one && one->inputs[0] == x)
    return found_activation{"troupe.Swish", x};
  if (is_hard_sigmoid(in, wires, gate, x)) return found_activation{"HardSwish", x};
  if (const auto* const one = wires.maker_of(gate, "Tanh")) {
    const auto* const soft = wires.maker_of(one->inputs[0], "Softplus");
    if (soft && soft->inputs[0] == x) return found_activation{"Mish", x};
  }
  // (x / 2) * (1 + erf(...))
  if (const auto* const half_of = wires.maker_of(x, "Mul")) {
    for (const auto side : half_of->inputs)
      if (is_number(in, other_input(*half_of, side), 0.5) && is_gelu_gate(in, wires, gate, side))
        return found_activation{"Gelu", side};
  }
  return std::nullopt;
}

std::optional<found_activation> recognise(const graph& in, const wiring& wires, const node& one) {
  if (one.inputs.size() != 2) return std::nullopt;
  if (one.op == "Div" && is_number(in, one.inputs[1], 6)) {  // x * clip(x + 3, 0, 6) / 6
    const auto* const times = wires.maker_of(one.inputs[0], "Mul");
    if (!times) return std::nullopt;
    for (const auto x : times->inputs) {
      const auto* const clipped = wires.maker_of(other_input(*times, x), "Clip");
      const auto* const moved = clipped ? wires.maker_of(clipped->inputs[0], "Add") : nullptr;
      if (moved && clipped->inputs.size() == 3 && is_number(in, clipped->inputs[1], 0) && is_number(in, clipped->inputs[2], 6)
          && is_number(in, other_input(*moved, x), 3))
        return found_activation{"HardSwish", x};
    }
  }
  if (one.op != "Mul") return std::nullopt;
  for (const auto x : one.inputs) {
    const auto gate = other_input(one, x);
    if (gate == no_value) continue;
    if (auto found = product(in, wires, x, gate)) return found;
    // (x * (1 + erf(...))) * 0.5
    const auto* const times = wires.maker_of(x, "Mul");
    if (!times || !is_number(in, gate, 0.5)) continue;
    for (const auto side : times->inputs)
      if (is_gelu_gate(in, wires, other_input(*times, side), side)) return found_activation{"Gelu", side};
  }
  return std::nullopt;
}

}  // namespace

void recognise_activations(specialised& of) {
  const wiring wires(of.network);
  std::vector<std::pair<std::size_t, found_activation>> found;
  for (std::size_t i = 0; i < of.network.nodes.size(); ++i) {
    if (!makes_floats(of.network.nodes[i], of)) continue;
    const auto one = recognise(of.network, wires, of.network.nodes[i]);
    const auto& made = *of.types[of.network.nodes[i].outputs[0]];
    if (one && of.types[one->input] == made && count_of(made.shape) > 0) found.emplace_back(i, *one);
  }
  for (const auto& [at, what] : found) {
    auto& one = of.network.nodes[at];
    one.op = what.op;
    one.opset = std::max(one.opset, 20);
    one.inputs = {what.input};
    one.attributes.clear();
  }
  drop_unread(of.network);
}

}  // namespace troupe::gpu
