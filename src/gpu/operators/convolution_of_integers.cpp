#include <cmath>

#include "gpu/operators/checks.hpp"
#include "gpu/operators/convolve.hpp"
#include "gpu/operators/reals.hpp"

namespace troupe::gpu::detail {

namespace {

bool is_byte(dtype type) { return type == dtype::i8 || type == dtype::u8; }

bool is_one(const dims& shape) { return shape.size() <= 1 && count_of(shape) == 1; }

result<void> check_one(known_inputs inputs, std::size_t at, const char* name) {
  const auto* const input = input_or_null(inputs, at);
  if (input && !is_one(input->type.shape))
    return refuse(fmt::format("input {} has the shape {}; it has to be one number", name, to_text(input->type.shape)));
  return {};
}

/// One for all features, or one for each.
result<void> check_features(known_inputs inputs, std::size_t at, const char* name, std::int64_t features) {
  const auto* const input = input_or_null(inputs, at);
  if (input && is_one(input->type.shape)) return {};
  return need_length(inputs, at, name, features);
}

std::int32_t zero_of(const tensor* zero, std::int64_t feature) {
  return !zero ? 0 : static_cast<std::int32_t>(zero->number(zero->count() == 1 ? 0 : feature));
}

/// The elements less their zero point; each of `features` runs of elements may have its own.
tensor moved(const tensor& x, const tensor* zero, std::int64_t features) {
  tensor y(dtype::i32, x.shape());
  const auto run = x.count() / std::max<std::int64_t>(features, 1);
  with_type(x.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    for (std::int64_t i = 0; i < x.count(); ++i)
      y.as<std::int32_t>()[i] = static_cast<std::int32_t>(x.as<element>()[i]) - zero_of(zero, i / run);
  });
  return y;
}

dims shape_of(const convolution& plan) { return with_spatial(plan.batch, plan.groups * plan.features, plan.over.output); }

tensor convolved(const convolution& plan, const tensor& x, const tensor* x_zero, const tensor& weights,
                 const tensor* weights_zero) {
  const auto a = moved(x, x_zero, 1), b = moved(weights, weights_zero, weights.shape()[0]);
  auto y = tensor::zeros(dtype::i32, shape_of(plan));
  // Without a sign: sums wrap around.
  convolve(plan, a.as<std::uint32_t>(), b.as<std::uint32_t>(), y.as<std::uint32_t>());
  return y;
}

result<output_types> infer(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need(inputs, 0, "x"));
  TROUPE_TRY(const auto* const weights, need(inputs, 1, "w"));
  if (!is_byte(x->type) || !is_byte(weights->type)) return refuse("the inputs are not of 8 bits");
  TROUPE_TRY(const auto plan, convolution_of(of, x->shape, weights->shape));
  TROUPE_CHECK(need_same(inputs, 2, "x_zero_point", x->type));
  TROUPE_CHECK(need_same(inputs, 3, "w_zero_point", weights->type));
  TROUPE_CHECK(check_one(inputs, 2, "x_zero_point"));
  TROUPE_CHECK(check_features(inputs, 3, "w_zero_point", weights->shape[0]));
  return output_types{{dtype::i32, shape_of(plan)}};
}

result<std::vector<tensor>> compute(const node& of, tensor_inputs inputs) {
  TROUPE_TRY(const auto plan, convolution_of(of, inputs[0]->shape(), inputs[1]->shape()));
  return std::vector<tensor>{convolved(plan, *inputs[0], input_or_null(inputs, 2), *inputs[1], input_or_null(inputs, 3))};
}

result<output_types> infer_scaled(const node& of, known_inputs inputs) {
  constexpr std::array names{"x", "x_scale", "x_zero_point", "w", "w_scale", "w_zero_point", "y_scale", "y_zero_point"};
  for (std::size_t i = 0; i < names.size(); ++i) TROUPE_CHECK(need(inputs, i, names[i]));
  for (const std::size_t i : {1, 4, 6}) TROUPE_CHECK(need_floating(inputs, i, names[i]));
  for (const std::size_t i : {1, 2, 6, 7}) TROUPE_CHECK(check_one(inputs, i, names[i]));
  for (const std::size_t i : {2, 5, 7})
    if (!is_byte(inputs[i]->type.type)) return refuse(fmt::format("input {} is {}", names[i], to_string(inputs[i]->type.type)));
  TROUPE_CHECK(need_same(inputs, 0, "x", inputs[2]->type.type));
  TROUPE_CHECK(need_same(inputs, 3, "w", inputs[5]->type.type));
  TROUPE_TRY(const auto plan, convolution_of(of, inputs[0]->type.shape, inputs[3]->type.shape));
  const auto features = inputs[3]->type.shape[0];
  for (const std::size_t i : {4, 5}) TROUPE_CHECK(check_features(inputs, i, names[i], features));
  TROUPE_CHECK(need_same(inputs, 8, "B", dtype::i32));
  TROUPE_CHECK(need_length(inputs, 8, "B", features));
  return output_types{{inputs[7]->type.type, shape_of(plan)}};
}

result<std::vector<tensor>> compute_scaled(const node& of, tensor_inputs inputs) {
  TROUPE_TRY(const auto plan, convolution_of(of, inputs[0]->shape(), inputs[3]->shape()));
  const auto sums = convolved(plan, *inputs[0], inputs[2], *inputs[3], inputs[5]);
  const auto* const bias = input_or_null(inputs, 8);
  const auto features = sums.shape()[1], plane = count_of(plan.over.output);
  const auto zero = inputs[7]->number(0);
  tensor y(inputs[7]->type(), sums.shape());
  with_type(y.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    for (std::int64_t i = 0; i < y.count(); ++i) {
      const auto feature = i / plane % features;
      const auto scale = inputs[1]->number(0) * inputs[4]->number(inputs[4]->count() == 1 ? 0 : feature) / inputs[6]->number(0);
      const auto sum = sums.as<std::int32_t>()[i] + (bias ? bias->number(feature) : 0.0);
      y.as<element>()[i] = saturated<element>(std::nearbyint(sum * scale) + zero);
    }
  });
  return std::vector<tensor>{std::move(y)};
}

}  // namespace

void add_integer_convolutions(operator_table& to) {
  to.add({.name = "ConvInteger", .first = 10, .infer = infer, .compute = compute});
  to.add({.name = "QLinearConv", .first = 10, .infer = infer_scaled, .compute = compute_scaled});
}

}  // namespace troupe::gpu::detail
