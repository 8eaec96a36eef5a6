#include <cmath>

#include "gpu/operators/checks.hpp"
#include "gpu/operators/convolve.hpp"
#include "gpu/operators/multiply.hpp"
#include "gpu/operators/reals.hpp"

namespace troupe::gpu::detail {

namespace {

bool is_quantised(dtype type) { return size_of(type) <= 2 && !is_floating(type) && type != dtype::boolean; }
bool is_byte(dtype type) { return type == dtype::i8 || type == dtype::u8; }

/// To the nearest whole number, ties to even, then moved, as near as the type has it.
template <class T>
T quantised(float x, double zero) noexcept {
  return saturated<T>(static_cast<double>(std::nearbyint(x)) + zero);
}

// -- which scale belongs to an element ------------------------------------------------------------------------------------

/// One scale for all, for each place along an axis, or for each block of places along it.
struct scaling {
  std::int64_t length = 1;  ///< of the axis
  std::int64_t step = 1;    ///< elements from one place to the next
  std::int64_t block = 0;   ///< places that share a scale; 0: all, whatever the others of the axes are
  bool is_blocked = false;  ///< each element beside the axis has scales of its own
  [[nodiscard]] std::int64_t of_element(std::int64_t i) const noexcept {
    if (block == 0) return 0;
    const auto at = i / step % length / block;
    return is_blocked ? (i / step / length * ((length + block - 1) / block) + at) * step + i % step : at;
  }
};

result<scaling> scaling_of(const node& of, const dims& x, const dims& scale) {
  if (count_of(scale) == 1 && scale.size() <= 1) return scaling{};
  if (of.opset < 13) return refuse(fmt::format("a scale of shape {} came with opset 13", to_text(scale)));
  TROUPE_TRY(const auto axis, axis_of(of.integer("axis", 1), x.size()));
  scaling made{.length = x[axis], .step = count_between(x, axis + 1, x.size()), .block = 1, .is_blocked = false};
  const auto block = of.opset < 21 ? 0 : of.integer("block_size", 0);
  if (block < 0) return refuse(fmt::format("block_size is {}", block));
  auto wanted = dims{x[axis]};
  if (block > 0) {
    wanted = x;
    wanted[axis] = (x[axis] - 1) / block + 1;
    if (x[axis] == 0) wanted[axis] = 0;
    made.block = block;
    made.is_blocked = true;
  }
  if (scale != wanted)
    return refuse(
        fmt::format("a scale of shape {} does not fit to {}; it has to be {}", to_text(scale), to_text(x), to_text(wanted)));
  return made;
}

result<void> check_zero(known_inputs inputs, std::size_t at, const char* name, const dims& scale) {
  const auto* const zero = input_or_null(inputs, at);
  const bool is_one = zero && count_of(zero->type.shape) == 1 && count_of(scale) == 1;
  if (zero && zero->type.shape != scale && !is_one)
    return refuse(fmt::format("input {} has the shape {}, its scale {}", name, to_text(zero->type.shape), to_text(scale)));
  return {};
}

// -- to whole numbers and back --------------------------------------------------------------------------------------------

/// The type that opset 21 can say by its number in ONNX's files.
result<dtype> output_type_of(const node& of) {
  switch (of.opset < 21 ? 0 : of.integer("output_dtype", 0)) {
    case 0:
    case 2: return dtype::u8;
    case 3: return dtype::i8;
    case 4: return dtype::u16;
    case 5: return dtype::i16;
    default: return refuse(fmt::format("output_dtype {} is not supported", of.integer("output_dtype", 0)));
  }
}

result<output_types> infer_quantise(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need(inputs, 0, "x"));
  if (!is_floating(x->type) && x->type != dtype::i32) return refuse(fmt::format("input x is {}", to_string(x->type)));
  TROUPE_TRY(const auto* const scale, need_floating(inputs, 1, "y_scale"));
  TROUPE_CHECK(scaling_of(of, x->shape, scale->shape));
  TROUPE_CHECK(check_zero(inputs, 2, "y_zero_point", scale->shape));
  TROUPE_TRY(auto type, output_type_of(of));
  if (const auto* const zero = input_or_null(inputs, 2)) type = zero->type.type;
  if (!is_quantised(type)) return refuse(fmt::format("input y_zero_point is {}", to_string(type)));
  return output_types{{type, x->shape}};
}

result<std::vector<tensor>> compute_quantise(const node& of, tensor_inputs inputs) {
  const auto x = widened_to(*inputs[0], dtype::f32), scale = widened_to(*inputs[1], dtype::f32);
  const auto* const zero = input_or_null(inputs, 2);
  TROUPE_TRY(const auto scales, scaling_of(of, x.shape(), scale.shape()));
  TROUPE_TRY(const auto type, output_type_of(of));
  tensor y(zero ? zero->type() : type, x.shape());
  with_type(y.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    for (std::int64_t i = 0; i < y.count(); ++i) {
      const auto at = scales.of_element(i);
      y.as<element>()[i] = quantised<element>(x.as<float>()[i] / scale.as<float>()[at], zero ? zero->number(at) : 0);
    }
  });
  return std::vector<tensor>{std::move(y)};
}

result<output_types> infer_dequantise(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need(inputs, 0, "x"));
  if (!is_quantised(x->type) && x->type != dtype::i32) return refuse(fmt::format("input x is {}", to_string(x->type)));
  TROUPE_TRY(const auto* const scale, need_floating(inputs, 1, "x_scale"));
  TROUPE_CHECK(scaling_of(of, x->shape, scale->shape));
  TROUPE_CHECK(check_zero(inputs, 2, "x_zero_point", scale->shape));
  TROUPE_CHECK(need_same(inputs, 2, "x_zero_point", x->type));
  return output_types{{scale->type, x->shape}};
}

result<std::vector<tensor>> compute_dequantise(const node& of, tensor_inputs inputs) {
  const auto& x = *inputs[0];
  const auto scale = widened_to(*inputs[1], dtype::f32);
  const auto* const zero = input_or_null(inputs, 2);
  TROUPE_TRY(const auto scales, scaling_of(of, x.shape(), scale.shape()));
  tensor y(dtype::f32, x.shape());
  with_type(x.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    for (std::int64_t i = 0; i < y.count(); ++i) {
      const auto at = scales.of_element(i);
      const auto moved = static_cast<double>(x.as<element>()[i]) - (zero ? zero->number(at) : 0);
      y.as<float>()[i] = static_cast<float>(moved) * scale.as<float>()[at];
    }
  });
  return std::vector<tensor>{narrowed(std::move(y), inputs[1]->type())};
}

result<output_types> infer_dynamic(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need(inputs, 0, "x"));
  if (x->type != dtype::f32) return refuse(fmt::format("input x is {}", to_string(x->type)));
  output_types types{{dtype::u8, x->shape}, {dtype::f32, {}}, {dtype::u8, {}}};
  types.resize(std::clamp<std::size_t>(of.outputs.size(), 1, 3));
  return types;
}

result<std::vector<tensor>> compute_dynamic(const node&, tensor_inputs inputs) {
  const auto& x = *inputs[0];
  float least = 0, most = 0;
  for (std::int64_t i = 0; i < x.count(); ++i) {
    least = std::min(least, x.as<float>()[i]);
    most = std::max(most, x.as<float>()[i]);
  }
  const auto range = (most - least) / 255;
  const auto scale = range > 0 ? range : 1;
  const auto zero = quantised<std::uint8_t>(-least / scale, 0);
  tensor y(dtype::u8, x.shape());
  for (std::int64_t i = 0; i < x.count(); ++i) y.as<std::uint8_t>()[i] = quantised<std::uint8_t>(x.as<float>()[i] / scale, zero);
  return std::vector<tensor>{std::move(y), tensor::of<float>({}, {scale}), tensor::of<std::uint8_t>({}, {zero})};
}

// -- whole numbers multiplied ---------------------------------------------------------------------------------------------

/// A scale or zero point of a matrix: one, or one for each row (of the left) or column (of the right).
result<void> check_parameter(known_inputs inputs, std::size_t at, const char* name, const dims& matrix, bool is_left) {
  const auto* const input = input_or_null(inputs, at);
  if (!input) return {};
  const auto& shape = input->type.shape;
  if (count_of(shape) == 1 && shape.size() <= 1) return {};
  if (matrix.size() < 2) return refuse(fmt::format("input {} has the shape {}, but there is no matrix", name, to_text(shape)));
  auto wanted = matrix;
  wanted[wanted.size() - (is_left ? 1 : 2)] = 1;
  const auto length = matrix[matrix.size() - (is_left ? 2 : 1)];
  if (shape != wanted && shape != dims{length})
    return refuse(fmt::format("input {} has the shape {}, the matrix {}", name, to_text(shape), to_text(matrix)));
  return {};
}

/// Steps of such a parameter along the axes of a shape: that of the matrix, or of the product.
dims parameter_steps(const dims& shape, const dims& into, bool is_left) {
  dims steps(into.size(), 0);
  if (count_of(shape) == 1) return steps;
  if (shape.size() > 1) return broadcast_strides(shape, into);
  if (into.size() >= 2) steps[into.size() - (is_left ? 2 : 1)] = 1;
  return steps;
}

/// The elements less their zero points.
tensor moved(const tensor& x, const tensor* zero, const dims& steps) {
  tensor y(dtype::i32, x.shape());
  with_type(x.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    for_each_element(x.shape(), std::array{steps}, [&](std::int64_t i, const std::array<std::int64_t, 1>& at) {
      const auto less = zero ? static_cast<std::int32_t>(zero->number(at[0])) : 0;
      y.as<std::int32_t>()[i] = static_cast<std::int32_t>(x.as<element>()[i]) - less;
    });
  });
  return y;
}

tensor multiplied(const tensor& left, const tensor* left_zero, const tensor& right, const tensor* right_zero) {
  const auto a =
      moved(left, left_zero, left_zero ? parameter_steps(left_zero->shape(), left.shape(), true) : dims(left.shape().size(), 0));
  const auto b = moved(right, right_zero,
                       right_zero ? parameter_steps(right_zero->shape(), right.shape(), false) : dims(right.shape().size(), 0));
  const auto plan = *multiplication_of(left.shape(), right.shape());
  tensor y(dtype::i32, plan.shape);
  multiply(plan, a.as<std::uint32_t>(), b.as<std::uint32_t>(), y.as<std::uint32_t>());
  return y;
}

result<output_types> infer_multiply(const node&, known_inputs inputs) {
  TROUPE_TRY(const auto* const a, need(inputs, 0, "A"));
  TROUPE_TRY(const auto* const b, need(inputs, 1, "B"));
  if (!is_byte(a->type) || !is_byte(b->type)) return refuse("the inputs are not of 8 bits");
  TROUPE_CHECK(need_same(inputs, 2, "a_zero_point", a->type));
  TROUPE_CHECK(need_same(inputs, 3, "b_zero_point", b->type));
  TROUPE_CHECK(check_parameter(inputs, 2, "a_zero_point", a->shape, true));
  TROUPE_CHECK(check_parameter(inputs, 3, "b_zero_point", b->shape, false));
  TROUPE_TRY(auto plan, multiplication_of(a->shape, b->shape));
  return output_types{{dtype::i32, std::move(plan.shape)}};
}

result<std::vector<tensor>> compute_multiply(const node&, tensor_inputs inputs) {
  return std::vector<tensor>{multiplied(*inputs[0], input_or_null(inputs, 2), *inputs[1], input_or_null(inputs, 3))};
}

result<output_types> infer_scaled_multiply(const node&, known_inputs inputs) {
  constexpr std::array names{"a", "a_scale", "a_zero_point", "b", "b_scale", "b_zero_point", "y_scale", "y_zero_point"};
  for (std::size_t i = 0; i < names.size(); ++i) TROUPE_CHECK(need(inputs, i, names[i]));
  for (const std::size_t i : {1, 4, 6}) TROUPE_CHECK(need_floating(inputs, i, names[i]));
  for (const std::size_t i : {2, 5, 7})
    if (!is_byte(inputs[i]->type.type)) return refuse(fmt::format("input {} is {}", names[i], to_string(inputs[i]->type.type)));
  TROUPE_CHECK(need_same(inputs, 0, "a", inputs[2]->type.type));
  TROUPE_CHECK(need_same(inputs, 3, "b", inputs[5]->type.type));
  const auto &a = inputs[0]->type.shape, &b = inputs[3]->type.shape;
  for (const std::size_t i : {1, 2}) TROUPE_CHECK(check_parameter(inputs, i, names[i], a, true));
  for (const std::size_t i : {4, 5}) TROUPE_CHECK(check_parameter(inputs, i, names[i], b, false));
  const bool is_simple = std::ranges::all_of(
      std::array{1, 2, 4, 5}, [&](int i) { return count_of(inputs[static_cast<std::size_t>(i)]->type.shape) == 1; });
  if (!is_simple && (a.size() < 2 || b.size() < 2)) return refuse("rows of a list have no scales of their own");
  TROUPE_TRY(auto plan, multiplication_of(a, b));
  for (const std::size_t i : {6, 7}) TROUPE_CHECK(check_parameter(inputs, i, names[i], plan.shape, true));
  if (inputs[6]->type.shape != inputs[7]->type.shape
      && (count_of(inputs[6]->type.shape) != 1 || count_of(inputs[7]->type.shape) != 1))
    return refuse("inputs y_scale and y_zero_point differ in shape");
  return output_types{{inputs[7]->type.type, std::move(plan.shape)}};
}

result<std::vector<tensor>> compute_scaled_multiply(const node&, tensor_inputs inputs) {
  const auto sums = multiplied(*inputs[0], inputs[2], *inputs[3], inputs[5]);
  const auto& shape = sums.shape();
  tensor y(inputs[7]->type(), shape);
  const std::array steps{parameter_steps(inputs[1]->shape(), shape, true), parameter_steps(inputs[4]->shape(), shape, false),
                         parameter_steps(inputs[6]->shape(), shape, true)};
  with_type(y.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    for_each_element(shape, steps, [&](std::int64_t i, const std::array<std::int64_t, 3>& at) {
      const auto scale = static_cast<float>(inputs[1]->number(at[0]) * inputs[4]->number(at[1]) / inputs[6]->number(at[2]));
      y.as<element>()[i] = quantised<element>(static_cast<float>(sums.as<std::int32_t>()[i]) * scale, inputs[7]->number(at[2]));
    });
  });
  return std::vector<tensor>{std::move(y)};
}

}  // namespace

void add_quantisations(operator_table& to) {
  to.add({.name = "QuantizeLinear", .first = 10, .infer = infer_quantise, .compute = compute_quantise});
  to.add({.name = "DequantizeLinear", .first = 10, .infer = infer_dequantise, .compute = compute_dequantise});
  to.add({.name = "DynamicQuantizeLinear", .first = 11, .infer = infer_dynamic, .compute = compute_dynamic});
  to.add({.name = "MatMulInteger", .first = 10, .infer = infer_multiply, .compute = compute_multiply});
  to.add({.name = "QLinearMatMul", .first = 10, .infer = infer_scaled_multiply, .compute = compute_scaled_multiply});
}

}  // namespace troupe::gpu::detail
