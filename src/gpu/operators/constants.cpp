#include <algorithm>
#include <cmath>

#include "gpu/onnx/types.hpp"
#include "gpu/operators/arguments.hpp"
#include "gpu/operators/casts.hpp"

/// Tensors made from attributes, lengths or bounds.
namespace troupe::gpu::detail {

namespace {

// -- Constant -------------------------------------------------------------------------------------------------------------

constexpr int plain_values_since = 12;

result<tensor> value_of(const node& of) {
  if (const auto* const value = of.constant("value")) return *value;
  if (of.opset >= plain_values_since) {
    if (of.has("value_float")) return tensor::of<float>({}, {of.number("value_float", 0)});
    if (of.has("value_int")) return tensor::of<std::int64_t>({}, {of.integer("value_int", 0)});
    if (const auto values = of.integers("value_ints"))
      return tensor::of<std::int64_t>({static_cast<std::int64_t>(values->size())}, std::span<const std::int64_t>(*values));
    if (of.has("value_floats")) {
      const auto values = of.numbers("value_floats");
      return tensor::of<float>({static_cast<std::int64_t>(values.size())}, std::span<const float>(values));
    }
  }
  return refuse("it has no value that is supported (texts and sparse ones are not)");
}

result<output_types> infer_constant(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 0, 0));
  TROUPE_TRY(const auto value, value_of(of));
  return output_types{value.full_type()};
}

result<std::vector<tensor>> compute_constant(const node& of, tensor_inputs) {
  TROUPE_TRY(auto value, value_of(of));
  return only(std::move(value));
}

// -- ConstantOfShape ------------------------------------------------------------------------------------------------------

tensor filling_of(const node& of) {
  const auto* const value = of.constant("value");
  return value ? *value : tensor::zeros(dtype::f32, {1});
}

result<output_types> infer_constant_of_shape(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 1, 1));
  const auto filling = filling_of(of);
  if (filling.count() != 1) return refuse(fmt::format("the value has {} elements; it has to have one", filling.count()));
  TROUPE_TRY(auto shape, numbers_at(inputs, 0));
  if (!shape.is_known) return output_types{};
  if (std::ranges::any_of(*shape.values, [](auto length) { return length < 0; }))
    return refuse(fmt::format("{} is no shape", to_text(*shape.values)));
  return output_types{{filling.type(), *std::move(shape.values)}};
}

void fill(tensor& y, const tensor& with) {
  with_width(y.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    std::fill_n(y.as<element>(), y.count(), *with.as<element>());
  });
}

result<std::vector<tensor>> compute_constant_of_shape(const node& of, tensor_inputs inputs) {
  TROUPE_TRY(const auto types, infer_constant_of_shape(of, as_known(inputs)));
  tensor y(types[0]);
  fill(y, filling_of(of));
  return only(std::move(y));
}

// -- EyeLike --------------------------------------------------------------------------------------------------------------

result<output_types> infer_eye(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 1, 1));
  TROUPE_CHECK(expect_rank(inputs, 0, 2, 2));
  auto made = inputs[0]->type;
  if (of.has("dtype")) {
    TROUPE_TRY(made.type, to_dtype(of.integer("dtype", 0)));
  }
  return output_types{std::move(made)};
}

result<std::vector<tensor>> eye_from_types(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto types, infer_eye(of, inputs));
  auto y = tensor::zeros(types[0].type, types[0].shape);
  const auto rows = y.shape()[0], columns = y.shape()[1];
  const auto k = std::clamp<std::int64_t>(of.integer("k", 0), -rows, columns);
  with_type(y.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    for (std::int64_t row = std::max<std::int64_t>(0, -k); row < rows && row + k < columns; ++row)
      y.as<element>()[row * columns + row + k] = static_cast<element>(1);
  });
  return only(std::move(y));
}

// -- Range ----------------------------------------------------------------------------------------------------------------

constexpr type_set range_types = set_of({dtype::f32, dtype::f64, dtype::i16, dtype::i32, dtype::i64});

/// How many numbers from `from` to before `to`.
template <class Element>
result<std::int64_t> count_of_steps(Element from, Element to, Element step) {
  if (step == 0) return refuse("its step is 0");
  if constexpr (std::is_floating_point_v<Element>) {
    const auto steps = std::ceil((static_cast<double>(to) - static_cast<double>(from)) / static_cast<double>(step));
    if (std::isnan(steps)) return refuse("its bounds are no numbers");
    return std::max<std::int64_t>(convert<std::int64_t>(steps), 0);
  } else {
    // Unsigned: the distance of two numbers may not fit into their own type.
    const bool is_upward = step > 0;
    const auto low = wrapped(std::int64_t{is_upward ? from : to}), high = wrapped(std::int64_t{is_upward ? to : from});
    const auto width = is_upward ? wrapped(std::int64_t{step}) : 0 - wrapped(std::int64_t{step});
    const auto distance = (is_upward ? to > from : from > to) ? high - low : 0;
    const auto steps = distance / width + (distance % width != 0 ? 1 : 0);
    return static_cast<std::int64_t>(std::min<std::uint64_t>(steps, INT64_MAX));
  }
}

result<std::int64_t> range_count(const tensor& start, const tensor& limit, const tensor& delta) {
  return with_type(start.type(), [&](auto tag) -> result<std::int64_t> {
    using element = typename decltype(tag)::type;
    if constexpr (holds(range_types, dtype_of<element>::value))
      return count_of_steps(*start.as<element>(), *limit.as<element>(), *delta.as<element>());
    else
      return refuse("its numbers are of a type that is not supported");
  });
}

result<output_types> infer_range(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 3, 3));
  TROUPE_CHECK(expect_type(inputs, 0, range_types));
  for (const std::size_t at : {0, 1, 2}) {
    TROUPE_CHECK(expect_same_type(inputs, at, 0));
    TROUPE_CHECK(expect_scalar(inputs, at));
  }
  if (!inputs[0]->constant || !inputs[1]->constant || !inputs[2]->constant) return output_types{};
  TROUPE_TRY(const auto count, range_count(*inputs[0]->constant, *inputs[1]->constant, *inputs[2]->constant));
  return output_types{{inputs[0]->type.type, {count}}};
}

result<std::vector<tensor>> compute_range(const node&, tensor_inputs inputs) {
  TROUPE_TRY(const auto count, range_count(*inputs[0], *inputs[1], *inputs[2]));
  tensor y(inputs[0]->type(), {count});
  with_one_of<range_types>(y.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    const auto start = wrapped(widened(*inputs[0]->as<element>()));
    const auto step = wrapped(widened(*inputs[2]->as<element>()));
    for (std::int64_t i = 0; i < count; ++i)
      y.as<element>()[i] = static_cast<element>(start + static_cast<decltype(start)>(i) * step);
  });
  return only(std::move(y));
}

// -- OneHot ---------------------------------------------------------------------------------------------------------------

/// The axis of the result that is new.
result<std::size_t> hot_axis(const node& of, std::size_t rank) { return axis_of(of.integer("axis", -1), rank + 1); }

result<output_types> infer_one_hot(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 3, 3));
  TROUPE_CHECK(expect_type(inputs, 0, number_types));
  TROUPE_CHECK(expect_type(inputs, 1, number_types));
  TROUPE_CHECK(expect_scalar(inputs, 1));
  if (inputs[2]->type.shape != dims{2})
    return refuse(fmt::format("values are of shape {}; they have to be [2]", to_text(inputs[2]->type.shape)));
  auto shape = inputs[0]->type.shape;
  TROUPE_TRY(const auto axis, hot_axis(of, shape.size()));
  if (!inputs[1]->constant) return output_types{};
  const auto depth = inputs[1]->constant->number(0);
  if (!(depth >= 0 && depth <= static_cast<double>(tensor::count_most))) return refuse(fmt::format("a depth of {}", depth));
  shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(axis), static_cast<std::int64_t>(depth));
  return output_types{{inputs[2]->type.type, std::move(shape)}};
}

/// Indices outside of the depth are nowhere hot.
result<std::vector<tensor>> compute_one_hot(const node& of, tensor_inputs inputs) {
  TROUPE_TRY(const auto types, infer_one_hot(of, as_known(inputs)));
  TROUPE_TRY(const auto axis, hot_axis(of, inputs[0]->shape().size()));
  tensor y(types[0]);
  fill(y, *inputs[2]);
  if (y.count() == 0) return only(std::move(y));
  const auto depth = y.shape()[axis];
  const auto inner = count_between(y.shape(), axis + 1, y.shape().size());
  const auto indices = cast(*inputs[0], dtype::i64);
  with_width(y.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    const auto hot = inputs[2]->as<element>()[1];
    for (std::int64_t i = 0; i < indices.count(); ++i) {
      auto index = indices.as<std::int64_t>()[i];
      if (index < 0) index += depth;
      if (index >= 0 && index < depth) y.as<element>()[(i / inner * depth + index) * inner + i % inner] = hot;
    }
  });
  return only(std::move(y));
}

}  // namespace

void add_constants(operator_table& to) {
  to.add({.name = "Constant", .infer = infer_constant, .compute = compute_constant});
  to.add({.name = "ConstantOfShape", .first = 9, .infer = infer_constant_of_shape, .compute = compute_constant_of_shape});
  to.add({.name = "EyeLike", .first = 9, .infer = infer_eye, .from_types = eye_from_types});
  to.add({.name = "Range", .first = 11, .infer = infer_range, .compute = compute_range});
  to.add({.name = "OneHot", .first = 9, .infer = infer_one_hot, .compute = compute_one_hot});
}

}  // namespace troupe::gpu::detail
