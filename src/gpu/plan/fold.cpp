#include <cmath>

#include "gpu/plan/fuse.hpp"
#include "gpu/plan/patterns.hpp"

namespace troupe::gpu {

namespace {

using namespace detail;

/// y = scale * x + offset, for each channel.
struct affine {
  std::vector<float> scale, offset;
};

std::optional<std::vector<float>> floats(const graph& in, value_id id, std::size_t channels) {
  if (id == no_value || !in.values[id].constant) return std::nullopt;
  const auto& constant = *in.values[id].constant;
  if (constant.type() != dtype::f32 || static_cast<std::size_t>(constant.count()) != channels) return std::nullopt;
  return std::vector<float>(constant.as<float>(), constant.as<float>() + channels);
}

/// A constant that is the same within each channel of a tensor of this rank: one element, or [C, 1, 1...] at the right axis.
std::optional<std::vector<float>> per_channel(const graph& in, value_id id, std::size_t channels, std::size_t rank) {
  if (const auto scalar = scalar_of(in, id); scalar && in.values[id].constant->rank() <= static_cast<int>(rank))
    return std::vector<float>(channels, static_cast<float>(*scalar));
  const auto found = floats(in, id, channels);
  if (!found) return std::nullopt;
  const auto& shape = in.values[id].constant->shape();
  if (shape.size() + 1 != rank && shape.size() != rank) return std::nullopt;
  const auto axis = shape.size() == rank ? 1u : 0u;
  return shape[axis] == static_cast<std::int64_t>(channels) ? found : std::nullopt;
}

std::optional<affine> of_batch_norm(const graph& in, const node& one, std::size_t channels) {
  if (one.inputs.size() != 5 || one.integer("training_mode", 0) != 0) return std::nullopt;
  const auto gamma = floats(in, one.inputs[1], channels);
  const auto beta = floats(in, one.inputs[2], channels);
  const auto mean = floats(in, one.inputs[3], channels);
  const auto variance = floats(in, one.inputs[4], channels);
  if (!gamma || !beta || !mean || !variance) return std::nullopt;
  const double epsilon = one.number("epsilon", 1e-5f);
  affine made{.scale = *gamma, .offset = *beta};
  for (std::size_t c = 0; c < channels; ++c) {
    const double scale = (*gamma)[c] / std::sqrt((*variance)[c] + epsilon);
    made.scale[c] = static_cast<float>(scale);
    made.offset[c] = static_cast<float>((*beta)[c] - (*mean)[c] * scale);
  }
  return made;
}

std::optional<affine> as_affine(const graph& in, const node& one, value_id x, std::size_t channels, std::size_t rank) {
  if (one.opset < 7) return std::nullopt;  // axes were matched in another way
  if (one.op == "BatchNormalization") return one.inputs[0] == x ? of_batch_norm(in, one, channels) : std::nullopt;
  const bool is_ordered = one.op == "Sub" || one.op == "Div";
  if (!is_ordered && one.op != "Add" && one.op != "Mul") return std::nullopt;
  if (one.inputs.size() != 2 || (is_ordered && one.inputs[0] != x)) return std::nullopt;
  auto constant = per_channel(in, other_input(one, x), channels, rank);
  if (!constant) return std::nullopt;
  if (one.op == "Sub")
    for (auto& number : *constant) number = -number;
  if (one.op == "Div")
    for (auto& number : *constant) number = 1 / number;
  if (one.op == "Add" || one.op == "Sub") return affine{std::vector<float>(channels, 1), *std::move(constant)};
  return affine{*std::move(constant), std::vector<float>(channels, 0)};
}

/// Weights of a Conv are [out, in / groups, ...]; of a ConvTranspose [in, out / groups, ...].
tensor scaled_weights(const node& conv, const tensor& weights, const std::vector<float>& scale) {
  tensor made(weights.full_type());
  const auto& shape = weights.shape();
  const auto groups = conv.integer("group", 1);
  const auto inner = weights.count() / (shape[0] * shape[1]);
  for (std::int64_t a = 0; a < shape[0]; ++a)
    for (std::int64_t b = 0; b < shape[1]; ++b) {
      const auto channel = conv.op == "Conv" ? a : a / (shape[0] / groups) * shape[1] + b;
      const auto at = (a * shape[1] + b) * inner;
      for (std::int64_t i = 0; i < inner; ++i)
        made.as<float>()[at + i] = weights.as<float>()[at + i] * scale[static_cast<std::size_t>(channel)];
    }
  return made;
}

value_id add_constant(specialised& to, tensor constant) {
  const auto id = static_cast<value_id>(to.network.values.size());
  to.types.emplace_back(constant.full_type());
  to.network.values.push_back({.name = "", .constant = std::move(constant), .type = {}, .shape = {}});
  return id;
}

void apply(specialised& in, node& conv, const affine& by) {
  auto bias = conv.has_input(2) ? *floats(in.network, conv.inputs[2], by.scale.size()) : std::vector<float>(by.scale.size(), 0);
  for (std::size_t c = 0; c < bias.size(); ++c) bias[c] = bias[c] * by.scale[c] + by.offset[c];
  const auto weights = *in.network.values[conv.inputs[1]].constant;
  conv.inputs.resize(3, no_value);
  conv.inputs[1] = add_constant(in, scaled_weights(conv, weights, by.scale));
  conv.inputs[2] = add_constant(in, tensor::of<float>({static_cast<std::int64_t>(bias.size())}, std::span<const float>(bias)));
}

/// Folds one node into the convolution before it. @returns false if there was nothing to fold.
bool fold_one(specialised& in, std::size_t at) {
  auto& conv = in.network.nodes[at];
  const auto is_constant = [&](std::size_t input) {
    return conv.has_input(input) && in.network.values[conv.inputs[input]].constant;
  };
  const auto& type = in.types[conv.outputs[0]];
  if (!type || type->type != dtype::f32 || type->shape.size() < 2 || !is_constant(1) || (conv.has_input(2) && !is_constant(2)))
    return false;
  const wiring wires(in.network);
  const auto next = wires.only_reader(conv.outputs[0]);
  if (!next) return false;
  auto& reader = in.network.nodes[*next];
  const auto& made = in.types[reader.outputs[0]];
  if (!made || *made != *type) return false;
  const auto by = as_affine(in.network, reader, conv.outputs[0], static_cast<std::size_t>(type->shape[1]), type->shape.size());
  if (!by) return false;
  apply(in, conv, *by);
  conv.outputs[0] = reader.outputs[0];
  in.network.nodes.erase(in.network.nodes.begin() + static_cast<std::ptrdiff_t>(*next));
  return true;
}

}  // namespace

void fold_into_weights(specialised& network) {
  for (std::size_t at = 0; at < network.network.nodes.size(); ++at) {
    const auto& op = network.network.nodes[at].op;
    if (op != "Conv" && op != "ConvTranspose") continue;
    while (fold_one(network, at)) {}
  }
  drop_unread(network.network);
}

}  // namespace troupe::gpu
