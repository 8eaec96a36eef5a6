#include "gpu/device/kernels.hpp"

namespace troupe::gpu::device {

namespace {

constexpr int broadcast_since = 7;  // axes were matched in another way before

std::optional<pointwise_op> unary_of(const node& of) {
  static const std::map<std::string_view, pointwise_op> all{{"Abs", pointwise_op::absolute},
                                                            {"Neg", pointwise_op::negate},
                                                            {"Sign", pointwise_op::sign},
                                                            {"Floor", pointwise_op::floor},
                                                            {"Ceil", pointwise_op::ceil},
                                                            {"Round", pointwise_op::round},
                                                            {"Sqrt", pointwise_op::square_root},
                                                            {"Exp", pointwise_op::exponential},
                                                            {"Log", pointwise_op::logarithm},
                                                            {"Erf", pointwise_op::erf},
                                                            {"Reciprocal", pointwise_op::reciprocal},
                                                            {"Sin", pointwise_op::sine},
                                                            {"Cos", pointwise_op::cosine},
                                                            {"Softsign", pointwise_op::soft_sign},
                                                            {"Identity", pointwise_op::linear}};
  const auto found = all.find(of.op);
  return found == all.end() ? std::nullopt : std::optional(found->second);
}

std::optional<pointwise_op> binary_of(const node& of) {
  static const std::map<std::string_view, pointwise_op> all{{"Add", pointwise_op::add},
                                                            {"Sub", pointwise_op::subtract},
                                                            {"Mul", pointwise_op::multiply},
                                                            {"Div", pointwise_op::divide},
                                                            {"Pow", pointwise_op::power},
                                                            {"PRelu", pointwise_op::slope},
                                                            {"Equal", pointwise_op::equal},
                                                            {"Less", pointwise_op::less},
                                                            {"LessOrEqual", pointwise_op::less_or_equal},
                                                            {"Greater", pointwise_op::greater},
                                                            {"GreaterOrEqual", pointwise_op::greater_or_equal},
                                                            {"And", pointwise_op::both},
                                                            {"Or", pointwise_op::either},
                                                            {"Xor", pointwise_op::one_of}};
  const auto found = all.find(of.op);
  return found == all.end() ? std::nullopt : std::optional(found->second);
}

std::optional<pointwise_op> variadic_of(const node& of) {
  if (of.op == "Min") return pointwise_op::least;
  if (of.op == "Max") return pointwise_op::most;
  if (of.op == "Sum" || of.op == "Mean") return pointwise_op::add;
  return std::nullopt;
}

/// Functions whose results are about as large as what they are of: digits may be lost, the number is not.
bool is_tame(pointwise_op op) {
  switch (op) {
    case pointwise_op::absolute:
    case pointwise_op::negate:
    case pointwise_op::add:
    case pointwise_op::subtract:
    case pointwise_op::multiply:
    case pointwise_op::least:
    case pointwise_op::most:
    case pointwise_op::slope: return true;
    default: return false;
  }
}

/// Where a result lies: in the order of axes of the first operand that has its shape.
/// @param may_be_short  it may have the elements that all of those have
view target_of(builder& to, const step& of, std::span<const view> operands, bool may_be_short) {
  const auto& shape = to.shape(of.output);
  std::vector<view> alike;
  std::ranges::copy_if(operands, std::back_inserter(alike), [&](const view& one) { return one.type.shape == shape; });
  const auto elements = may_be_short ? common_type(to, of.output, alike) : to.type(of.output).type;
  return to.write(of.output, alike.empty() ? strides_of(shape) : steps_like(alike.front(), shape), elements);
}

/// Floats, and booleans where a logical operator has them.
bool are_numbers(builder& to, const node& of) {
  const bool is_logical = of.op == "And" || of.op == "Or" || of.op == "Xor" || of.op == "Not";
  const auto wanted = is_logical ? dtype::boolean : dtype::f32;
  return std::ranges::all_of(of.inputs, [&](value_id id) { return id != no_value && to.type(id).type == wanted; });
}

bool can_be_made(builder& to, const step& of) {
  const auto type = to.type(of.output).type;
  return type == dtype::f32 || type == dtype::boolean;
}

bool make_activation(builder& to, const step& of) {
  const auto& node = of.what;
  const auto ops = as_activation(node, to.network());
  if (ops.empty()) return false;
  const auto x = std::ranges::find_if(node.inputs, [&](value_id id) { return id != no_value && !to.constant_of(id); });
  if (x == node.inputs.end() || !to.is_float(*x) || to.shape(*x) != to.shape(of.output)) return false;
  const auto from = to.read_as_it_lies(*x);
  chain all(to, from, to.shape(of.output));
  all.apply(ops);
  all.apply(of.after);
  all.finish(target_of(to, of, std::array{from}, are_tame(ops)));
  return true;
}

bool make_unary(builder& to, const step& of) {
  const auto& node = of.what;
  if (node.inputs.size() != 1 || !are_numbers(to, node)) return false;
  const auto from = to.read_as_it_lies(node.inputs[0]);
  chain all(to, from, to.shape(of.output));
  const auto op = unary_of(node);
  if (op)
    all.apply(*op, 1, 0);
  else if (node.op == "Selu" && node.opset >= 6)
    all.apply(pointwise_op::selu, node.number("alpha", 1.67326319217681884765625f),
              node.number("gamma", 1.05070102214813232421875f));
  else if (node.op == "ThresholdedRelu")
    all.apply(pointwise_op::thresholded_relu, node.number("alpha", 1));
  else if (node.op == "IsNaN")
    all.apply(pointwise_op::is_nan);
  else if (node.op == "Not")
    all.apply(pointwise_op::invert);
  else
    return false;
  all.apply(of.after);
  all.finish(target_of(to, of, std::array{from}, op && is_tame(*op)));
  return true;
}

bool make_binary(builder& to, const step& of) {
  const auto& node = of.what;
  const auto op = binary_of(node);
  if (!op || node.inputs.size() != 2 || node.opset < broadcast_since || !are_numbers(to, node)) return false;
  const auto left = to.read_as_it_lies(node.inputs[0]);
  const auto right = to.read_as_it_lies(node.inputs[1]);
  chain all(to, left, to.shape(of.output));
  all.apply(*op, right);
  all.apply(of.after);
  const bool is_square = node.inputs[0] == node.inputs[1];  // of what may be large or small
  all.finish(target_of(to, of, std::array{left, right}, is_tame(*op) && !is_square));
  return true;
}

bool make_variadic(builder& to, const step& of) {
  const auto& node = of.what;
  const auto op = variadic_of(node);
  if (!op || node.inputs.empty() || !are_numbers(to, node)) return false;
  std::vector<view> operands;
  for (const auto id : node.inputs) operands.push_back(to.read_as_it_lies(id));
  chain all(to, operands[0], to.shape(of.output));
  for (std::size_t i = 1; i < operands.size(); ++i) all.apply(*op, operands[i]);
  if (node.op == "Mean") all.apply(pointwise_op::linear, 1.0f / static_cast<float>(operands.size()), 0);
  all.apply(of.after);
  all.finish(target_of(to, of, operands, is_tame(*op)));
  return true;
}

bool make_choice(builder& to, const step& of) {
  const auto& node = of.what;
  if (node.op != "Where" || to.type(of.output).type != dtype::f32) return false;
  const auto where = to.read_as_it_lies(node.inputs[0]);
  const auto then = to.read_as_it_lies(node.inputs[1]);
  const auto otherwise = to.read_as_it_lies(node.inputs[2]);
  chain all(to, then, to.shape(of.output));
  all.choose(where, otherwise);
  all.apply(of.after);
  all.finish(target_of(to, of, std::array{then, otherwise, where}, false));
  return true;
}

/// To floats, and from them to booleans.
bool make_cast(builder& to, const step& of) {
  const auto& node = of.what;
  if (node.op != "Cast" && node.op != "CastLike") return false;
  const auto given = to.type(node.inputs[0]).type;
  if (!element_of(given) || (to.type(of.output).type != dtype::f32 && given != dtype::f32)) return false;
  const auto from = to.read_as_it_lies(node.inputs[0]);
  chain all(to, from, to.shape(of.output));
  all.apply(of.after);
  all.finish(target_of(to, of, std::array{from}, false));
  return true;
}

}  // namespace

bool make_elementwise(builder& to, const step& of) {
  if (!can_be_made(to, of)) return false;
  return make_activation(to, of) || make_unary(to, of) || make_binary(to, of) || make_variadic(to, of) || make_choice(to, of)
         || make_cast(to, of);
}

}  // namespace troupe::gpu::device
