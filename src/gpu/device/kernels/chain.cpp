#include <cmath>

#include "gpu/device/kernels.hpp"

namespace troupe::gpu::device {

pointwise_op function_of(activation function) noexcept {
  switch (function) {
    case activation::relu: return pointwise_op::relu;
    case activation::elu: return pointwise_op::elu;
    case activation::tanh: return pointwise_op::tanh;
    case activation::logistic: return pointwise_op::logistic;
    case activation::clip: return pointwise_op::clip;
    case activation::hard_swish: return pointwise_op::hard_swish;
    case activation::gelu_erf: return pointwise_op::gelu_erf;
    case activation::gelu_tanh: return pointwise_op::gelu_tanh;
    case activation::swish: return pointwise_op::swish;
    case activation::mish: return pointwise_op::mish;
    case activation::soft_relu: return pointwise_op::soft_relu;
    case activation::linear: return pointwise_op::linear;
  }
  return pointwise_op::linear;
}

dtype common_type(const builder& to, value_id made, std::span<const view> of) {
  const auto own = to.type(made).type;
  const auto stored = to.options().stored;
  const bool are_short = !of.empty() && std::ranges::all_of(of, [&](const view& one) { return one.type.type == stored; });
  return own == dtype::f32 && are_short ? stored : own;
}

bool are_tame(std::span<const post_op> ops) noexcept {
  constexpr float factor_most = 64, addend_most = 1024;
  return std::ranges::all_of(ops, [](const post_op& one) {
    if (one.what != post_op::kind::activation || one.function != activation::linear) return true;
    const auto factor = std::abs(one.alpha);
    return factor <= factor_most && factor >= 1 / factor_most && std::abs(one.beta) <= addend_most;
  });
}

view target_after(builder& to, const view& made, std::span<const post_op> after) {
  if (made.type.type == dtype::f32 || are_tame(after)) return made;
  return to.scratch({.type = dtype::f32, .shape = made.type.shape}, steps_like(made, made.type.shape));
}

known_of::known_of(const builder& in, const node& of) : known_(of.inputs.size()), pointers_(of.inputs.size(), nullptr) {
  for (std::size_t i = 0; i < of.inputs.size(); ++i) {
    if (of.inputs[i] == no_value) continue;
    known_[i] = {.type = in.type(of.inputs[i]), .constant = in.constant_of(of.inputs[i])};
    pointers_[i] = &known_[i];
  }
}

void chain::make_room(std::size_t operands) {
  const bool has_room = steps_.size() < static_cast<std::size_t>(chain_most)
                        && operands_.size() + operands <= static_cast<std::size_t>(operands_most);
  if (has_room) return;
  const auto between = to_.scratch({.type = dtype::f32, .shape = shape_}, steps_like(operands_[0], shape_));
  emit(between);
  operands_ = {between};
  steps_.clear();
}

void chain::apply(pointwise_op op, float alpha, float beta) {
  make_room(0);
  steps_.push_back({.op = op, .alpha = alpha, .beta = beta});
}

void chain::apply(pointwise_op op, const view& operand) {
  make_room(1);
  operands_.push_back(operand);
  steps_.push_back({.op = op, .operand = static_cast<std::int8_t>(operands_.size() - 1)});
}

void chain::choose(const view& where, const view& otherwise) {
  make_room(2);
  operands_.push_back(where);
  operands_.push_back(otherwise);
  const auto last = static_cast<std::int8_t>(operands_.size() - 1);
  steps_.push_back({.op = pointwise_op::choose, .operand = static_cast<std::int8_t>(last - 1), .other = last});
}

void chain::apply(std::span<const post_op> ops) {
  for (const auto& one : ops) {
    if (one.what == post_op::kind::activation)
      apply(function_of(one.function), one.alpha, one.beta);
    else
      apply(one.what == post_op::kind::add ? pointwise_op::add : pointwise_op::multiply, to_.read_as_it_lies(one.operand));
  }
}

void chain::emit(const view& target) {
  lattice all{.lengths = shape_, .by = {}};
  for (const auto& one : operands_) all.by.push_back(repeated(one, shape_));
  all.by.push_back(target.by);
  const auto over = simplified(all);
  TROUPE_ASSERT(over, "no operand has more axes than kernels go over: steps with more are made by the processor");
  auto touches = operands_;
  touches.push_back(target);
  to_.add_work(
      [operands = operands_, steps = steps_, target, over = *over](const placing& at) {
        pointwise_work made;
        for (std::size_t i = 0; i < operands.size(); ++i)
          made.operands[i] = {.from = at(operands[i]), .type = *element_of(operands[i].type.type), .by = to_steps(over.by[i])};
        std::ranges::copy(steps, made.chain);
        made.chain_length = static_cast<int>(steps.size());
        made.to = at(target);
        made.makes = *element_of(target.type.type);
        made.over = to_axes(over.lengths);
        made.target = to_steps(over.by.back());
        return made;
      },
      touches);
}

void chain::finish(const view& target) { emit(target); }

void make_after(builder& to, const step& of, const view& made, std::span<const post_op> after) {
  if (after.empty()) return to.see(of.output, made);
  chain all(to, made, made.type.shape);
  all.apply(after);
  const auto target = target_after(to, made, after);
  all.finish(target);
  to.see(of.output, target);
}

}  // namespace troupe::gpu::device
