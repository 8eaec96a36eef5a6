#include <fmt/format.h>

#include "gpu/operators/checks.hpp"
#include "gpu/operators/convolve.hpp"
#include "gpu/operators/reals.hpp"

namespace troupe::gpu::detail {

namespace {

result<std::int64_t> groups_of(const node& of, const dims& x, const dims& weights) {
  if (x.size() < 3 || weights.size() != x.size())
    return refuse(fmt::format("an input {} and weights {} are no convolution", to_text(x), to_text(weights)));
  const auto groups = of.integer("group", 1);
  if (groups < 1 || groups > tensor::count_most || x[1] % groups != 0 || weights[0] % groups != 0)
    return refuse(fmt::format("{} groups do not fit to an input {} and weights {}", groups, to_text(x), to_text(weights)));
  const auto kernel = of.integers("kernel_shape");
  if (kernel && *kernel != spatial_of(weights))
    return refuse(fmt::format("kernel_shape {} does not fit to weights {}", to_text(*kernel), to_text(weights)));
  return groups;
}

result<convolution> transposed_of(const node& of, const dims& x, const dims& weights) {
  TROUPE_TRY(const auto groups, groups_of(of, x, weights));
  if (weights[0] != x[1])
    return refuse(fmt::format("an input {} does not have the channels of weights {}", to_text(x), to_text(weights)));
  TROUPE_TRY(auto over, transposed_window_of(of, spatial_of(x), spatial_of(weights)));
  if (weights[1] > tensor::count_most / groups) return refuse("there are too many groups");
  return convolution{.over = std::move(over), .batch = x[0], .groups = groups, .channels = x[1] / groups, .features = weights[1]};
}

result<void> check_inputs(known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need_floating(inputs, 0, "X"));
  TROUPE_TRY(const auto* const weights, need(inputs, 1, "W"));
  TROUPE_CHECK(need_same(inputs, 1, "W", x->type));
  TROUPE_CHECK(need_same(inputs, 2, "B", x->type));
  static_cast<void>(weights);
  return {};
}

result<output_types> infer_convolution(const node& of, known_inputs inputs) {
  TROUPE_CHECK(check_inputs(inputs));
  TROUPE_TRY(const auto plan, convolution_of(of, inputs[0]->type.shape, inputs[1]->type.shape));
  const auto features = plan.groups * plan.features;
  TROUPE_CHECK(need_length(inputs, 2, "B", features));
  return output_types{{inputs[0]->type.type, with_spatial(plan.batch, features, plan.over.output)}};
}

result<output_types> infer_transposed(const node& of, known_inputs inputs) {
  TROUPE_CHECK(check_inputs(inputs));
  TROUPE_TRY(const auto plan, transposed_of(of, inputs[0]->type.shape, inputs[1]->type.shape));
  const auto features = plan.groups * plan.features;
  TROUPE_CHECK(need_length(inputs, 2, "B", features));
  return output_types{{inputs[0]->type.type, with_spatial(plan.batch, features, plan.over.input)}};
}

/// y filled with the bias, or zero.
template <class T>
tensor start(dims shape, const tensor* bias) {
  tensor y = tensor::zeros(dtype_of<T>::value, std::move(shape));
  if (!bias) return y;
  const auto plane = count_between(y.shape(), 2, y.shape().size()), features = y.shape()[1];
  for (std::int64_t i = 0; i < y.shape()[0] * features; ++i)
    std::fill_n(y.as<T>() + i * plane, plane, static_cast<T>(bias->number(i % features)));
  return y;
}

/// A kernel of one element that skips nothing sees a plane as one row.
void flatten(window& over) {
  const auto is_all = [](const dims& lengths, std::int64_t what) {
    return std::ranges::all_of(lengths, [&](auto one) { return one == what; });
  };
  if (!is_all(over.kernel, 1) || !is_all(over.strides, 1) || !is_all(over.pads_begin, 0) || !is_all(over.pads_end, 0)) return;
  over = {.input = {count_of(over.input)},
          .kernel = {1},
          .strides = {1},
          .dilations = {1},
          .pads_begin = {0},
          .pads_end = {0},
          .output = {count_of(over.output)}};
}

result<std::vector<tensor>> compute_convolution(const node& of, tensor_inputs inputs) {
  const auto x = widened(*inputs[0]), weights = widened(*inputs[1]);
  TROUPE_TRY(auto plan, convolution_of(of, x.shape(), weights.shape()));
  return with_real(x.type(), [&](auto tag) -> std::vector<tensor> {
    using real = typename decltype(tag)::type;
    tensor y = start<real>(with_spatial(plan.batch, plan.groups * plan.features, plan.over.output), input_or_null(inputs, 2));
    flatten(plan.over);
    convolve(plan, x.as<real>(), weights.as<real>(), y.as<real>());
    return {narrowed(std::move(y), inputs[0]->type())};
  });
}

result<std::vector<tensor>> compute_transposed(const node& of, tensor_inputs inputs) {
  const auto x = widened(*inputs[0]), weights = widened(*inputs[1]);
  TROUPE_TRY(const auto plan, transposed_of(of, x.shape(), weights.shape()));
  return with_real(x.type(), [&](auto tag) -> std::vector<tensor> {
    using real = typename decltype(tag)::type;
    tensor y = start<real>(with_spatial(plan.batch, plan.groups * plan.features, plan.over.input), input_or_null(inputs, 2));
    convolve_transposed(plan, x.as<real>(), weights.as<real>(), y.as<real>());
    return {narrowed(std::move(y), inputs[0]->type())};
  });
}

}  // namespace

result<convolution> convolution_of(const node& of, const dims& x, const dims& weights) {
  TROUPE_TRY(const auto groups, groups_of(of, x, weights));
  if (weights[1] != x[1] / groups)
    return refuse(
        fmt::format("an input {} in {} groups does not have the channels of weights {}", to_text(x), groups, to_text(weights)));
  TROUPE_TRY(auto over, window_of(of, spatial_of(x), spatial_of(weights)));
  return convolution{
      .over = std::move(over), .batch = x[0], .groups = groups, .channels = weights[1], .features = weights[0] / groups};
}

void add_convolutions(operator_table& to) {
  to.add({.name = "Conv", .infer = infer_convolution, .compute = compute_convolution});
  to.add({.name = "ConvTranspose", .infer = infer_transposed, .compute = compute_transposed});
}

}  // namespace troupe::gpu::detail
