#include "gpu/cpu/kernels.hpp"

namespace troupe::gpu::cpu {

namespace {

std::optional<dnnl::algorithm> binary_of(const node& of) {
  if (of.op == "Add") return dnnl::algorithm::binary_add;
  if (of.op == "Sub") return dnnl::algorithm::binary_sub;
  if (of.op == "Mul") return dnnl::algorithm::binary_mul;
  if (of.op == "Div") return dnnl::algorithm::binary_div;
  return std::nullopt;
}

/// As it lies if it has the result's shape, else row-major with the result's rank.
slot_id operand(builder& to, value_id id, const dims& shape) {
  if (to.shape(id) == shape) return to.read(id);
  return to.view(to.read_plain(id), with_rank(to.shape(id), shape.size()));
}

bool make_binary(builder& to, const step& of, dnnl::algorithm algorithm) {
  const auto& node = of.what;
  if (node.inputs.size() != 2 || node.opset < 7 || !to.is_float(node.inputs[0]) || !to.is_float(node.inputs[1])) return false;
  const auto& shape = to.shape(node.outputs[0]);
  if (count_of(shape) == 0 || shape.size() > 5) return false;
  auto left = node.inputs[0];
  auto right = node.inputs[1];
  if (to.shape(left) != shape) {  // only the second one may be repeated
    if (to.shape(right) != shape || node.op == "Sub" || node.op == "Div") return false;
    std::swap(left, right);
  }
  const auto a = to.read(left);
  const auto as = to.layout_of_slot(a);
  const auto b = to.shape(right) == shape ? to.read(right, as) : operand(to, right, shape);
  const auto fused = fuse_into_primitive(to, of.after, shape);
  std::optional<dnnl::binary::primitive_desc> chosen;
  try {
    chosen = dnnl::binary::primitive_desc({algorithm, as, to.layout_of_slot(b), as}, fused.attributes, to.engine());
  } catch (const dnnl::error&) {
    return false;
  }
  auto with = fused.with;
  with.insert(with.end(), {{DNNL_ARG_SRC_0, a}, {DNNL_ARG_SRC_1, b}, {DNNL_ARG_DST, to.write(of.output, as)}});
  to.add<dnnl::binary>(*chosen, std::move(with));
  return true;
}

}  // namespace

bool make_elementwise(builder& to, const step& of) {
  const auto& node = of.what;
  if (!to.is_float(node.outputs[0])) return false;
  if (const auto ops = as_activation(node, to.network()); !ops.empty()) {
    auto all = ops;
    all.insert(all.end(), of.after.begin(), of.after.end());
    const auto from = std::ranges::find_if(node.inputs, [&](value_id id) { return id != no_value && !to.is_constant(id); });
    if (from == node.inputs.end() || !to.is_float(*from) || to.shape(*from) != to.shape(node.outputs[0])) return false;
    if (count_of(to.shape(*from)) == 0) return false;
    const auto lies = to.read(*from);
    to.see(node.outputs[0], lies, layout(to.layout_of_slot(lies)));
    make_after(to, of, all);
    return true;
  }
  const auto algorithm = binary_of(node);
  return algorithm && make_binary(to, of, *algorithm);
}

bool make_softmax(builder& to, const step& of) {
  const auto& node = of.what;
  const bool is_log = node.op == "LogSoftmax";
  if ((!is_log && node.op != "Softmax") || node.opset < 13 || !to.is_float(node.outputs[0])) return false;
  const auto& shape = to.shape(node.outputs[0]);
  if (shape.empty() || count_of(shape) == 0) return false;
  auto axis = node.integer("axis", -1);
  if (axis < 0) axis += static_cast<std::int64_t>(shape.size());
  const auto from = to.read_plain(node.inputs[0]);
  const auto as = plain(shape);
  const auto algorithm = is_log ? dnnl::algorithm::softmax_log : dnnl::algorithm::softmax_accurate;
  const dnnl::softmax_v2_forward::desc what(dnnl::prop_kind::forward_inference, algorithm, as, as, static_cast<int>(axis));
  const auto into = to.write(of.output, as);
  to.add<dnnl::softmax_v2_forward>(dnnl::softmax_v2_forward::primitive_desc(what, builder::attributes(), to.engine()),
                                   {{DNNL_ARG_SRC, from}, {DNNL_ARG_DST, into}});
  return true;
}

bool make_normalisation(builder& to, const step& of) {
  const auto& node = of.what;
  if (node.op != "LayerNormalization" || !to.is_float(node.outputs[0]) || node.has_output(1) || node.has_output(2)) return false;
  if (!to.is_float(node.inputs[1]) || (node.has_input(2) && !to.is_float(node.inputs[2]))) return false;
  const auto& shape = to.shape(node.outputs[0]);
  const auto axis = node.integer("axis", -1);
  if (shape.size() < 2 || count_of(shape) == 0 || (axis != -1 && axis != static_cast<std::int64_t>(shape.size()) - 1))
    return false;
  const dims channels{shape.back()};
  if (to.shape(node.inputs[1]) != channels || (node.has_input(2) && to.shape(node.inputs[2]) != channels)) return false;
  auto flags = dnnl::normalization_flags::use_scale;
  if (node.has_input(2)) flags = flags | dnnl::normalization_flags::use_shift;
  const auto from = to.read_plain(node.inputs[0]);
  const dnnl::layer_normalization_forward::desc what(dnnl::prop_kind::forward_inference, plain(shape),
                                                     node.number("epsilon", 1e-5f), flags);
  arguments with{{DNNL_ARG_SRC, from}, {DNNL_ARG_SCALE, to.read_plain(node.inputs[1])}};
  if (node.has_input(2)) with.emplace_back(DNNL_ARG_SHIFT, to.read_plain(node.inputs[2]));
  with.emplace_back(DNNL_ARG_DST, to.write(of.output, plain(shape)));
  to.add<dnnl::layer_normalization_forward>(
      dnnl::layer_normalization_forward::primitive_desc(what, builder::attributes(), to.engine()), std::move(with));
  return true;
}

}  // namespace troupe::gpu::cpu
