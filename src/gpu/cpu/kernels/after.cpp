#include "gpu/cpu/kernels.hpp"

namespace troupe::gpu::cpu {

namespace {

dnnl::algorithm algorithm_of(activation function) {
  switch (function) {
    case activation::relu: return dnnl::algorithm::eltwise_relu;
    case activation::elu: return dnnl::algorithm::eltwise_elu;
    case activation::tanh: return dnnl::algorithm::eltwise_tanh;
    case activation::logistic: return dnnl::algorithm::eltwise_logistic;
    case activation::clip: return dnnl::algorithm::eltwise_clip;
    case activation::hard_swish: return dnnl::algorithm::eltwise_hardswish;
    case activation::gelu_erf: return dnnl::algorithm::eltwise_gelu_erf;
    case activation::gelu_tanh: return dnnl::algorithm::eltwise_gelu_tanh;
    case activation::swish: return dnnl::algorithm::eltwise_swish;
    case activation::mish: return dnnl::algorithm::eltwise_mish;
    case activation::soft_relu: return dnnl::algorithm::eltwise_soft_relu;
    case activation::linear: return dnnl::algorithm::eltwise_linear;
  }
  return dnnl::algorithm::undef;
}

/// Where the operand of an addition or product lies, for a result of that shape.
slot_id operand_for(builder& to, value_id operand, const dims& shape) {
  const auto& own = to.shape(operand);
  if (own == shape) return to.read(operand);
  const auto memory = to.read_plain(operand);
  return to.view(memory, with_rank(own, shape.size()));
}

}  // namespace

layout with_rank(const dims& shape, std::size_t rank) {
  dims longer(shape);
  if (longer.size() < rank) longer.insert(longer.begin(), rank - longer.size(), 1);
  return plain(longer);
}

std::span<const post_op> leading_activations(std::span<const post_op> after) {
  const auto end = std::ranges::find_if(after, [](const post_op& op) { return op.what != post_op::kind::activation; });
  return after.first(static_cast<std::size_t>(end - after.begin()));
}

fused_ops fuse_into_primitive(builder& to, std::span<const post_op> after, const dims& shape, bool can_sum) {
  fused_ops made;
  dnnl::post_ops ops;
  for (const auto& one : after) {
    if (one.what == post_op::kind::activation) {
      ops.append_eltwise(1, algorithm_of(one.function), one.alpha, one.beta);
      continue;
    }
    if (can_sum && !made.sum && one.what == post_op::kind::add && to.shape(one.operand) == shape) {
      ops.append_sum(1);
      made.sum = one.operand;
      continue;
    }
    const auto operand = operand_for(to, one.operand, shape);
    ops.append_binary(one.what == post_op::kind::add ? dnnl::algorithm::binary_add : dnnl::algorithm::binary_mul,
                      to.layout_of_slot(operand));
    made.with.emplace_back(DNNL_ARG_ATTR_MULTIPLE_POST_OP(ops.len() - 1) | DNNL_ARG_SRC_1, operand);
  }
  made.attributes.set_post_ops(ops);
  return made;
}

void make_after(builder& to, const step& of, std::span<const post_op> after) {
  if (after.empty()) return;
  const auto made = of.what.outputs[0];
  const auto& shape = to.shape(made);
  auto from = to.read(made);
  const layout as = to.layout_of_slot(from);
  for (std::size_t i = 0; i < after.size(); ++i) {
    const auto into = i + 1 == after.size() ? to.write(of.output, as) : to.scratch(as);
    const auto& one = after[i];
    if (one.what == post_op::kind::activation) {
      const dnnl::eltwise_forward::desc what(dnnl::prop_kind::forward_inference, algorithm_of(one.function), as, one.alpha,
                                             one.beta);
      to.add<dnnl::eltwise_forward>(dnnl::eltwise_forward::primitive_desc(what, builder::attributes(), to.engine()),
                                    {{DNNL_ARG_SRC, from}, {DNNL_ARG_DST, into}});
    } else {
      const auto operand = operand_for(to, one.operand, shape);
      const auto how = one.what == post_op::kind::add ? dnnl::algorithm::binary_add : dnnl::algorithm::binary_mul;
      const dnnl::binary::desc what(how, as, to.layout_of_slot(operand), as);
      to.add<dnnl::binary>(dnnl::binary::primitive_desc(what, builder::attributes(), to.engine()),
                           {{DNNL_ARG_SRC_0, from}, {DNNL_ARG_SRC_1, operand}, {DNNL_ARG_DST, into}});
    }
    from = into;
  }
}

}  // namespace troupe::gpu::cpu
