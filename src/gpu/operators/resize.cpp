#include "gpu/operators/resize.hpp"

#include <numeric>

#include "gpu/operators/checks.hpp"
#include "gpu/operators/reals.hpp"

namespace troupe::gpu::detail {

namespace {

result<output_types> infer(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need(inputs, 0, "X"));
  TROUPE_TRY(const auto plan, resize_plan_of(of, inputs));
  if (!plan) return output_types{};
  if (plan->kind != resize_kind::nearest && x->type == dtype::boolean) return refuse("input X is bool");
  return output_types{{x->type, plan->output()}};
}

// -- nearest --------------------------------------------------------------------------------------------------------------

template <class T>
void pick(const resize_plan& plan, const std::vector<resize_taps>& taps, const dims& steps, const T* x, T* y) {
  const auto rank = plan.axes.size();
  const auto output = plan.output();
  const auto width = output.back();
  const auto outside = saturated<T>(static_cast<double>(plan.outside));
  const auto& columns = taps.back().indices;
  dims index(rank, 0);
  for (std::int64_t row = 0; row < count_between(output, 0, rank - 1); ++row, y += width) {
    std::int64_t start = 0;
    bool is_outside = false;
    for (std::size_t axis = 0; axis + 1 < rank; ++axis) {
      const auto at = taps[axis].indices[static_cast<std::size_t>(index[axis])];
      is_outside = is_outside || at < 0;
      start += at * steps[axis];
    }
    for (std::int64_t i = 0; i < width; ++i) {
      const auto at = columns[static_cast<std::size_t>(i)];
      y[i] = is_outside || at < 0 ? outside : x[start + at];
    }
    for (auto axis = rank - 1; axis-- > 0;) {
      if (++index[axis] < output[axis]) break;
      index[axis] = 0;
    }
  }
}

resize_taps all_kept(std::int64_t length) {
  resize_taps taps;
  taps.indices.resize(static_cast<std::size_t>(length));
  std::iota(taps.indices.begin(), taps.indices.end(), 0);
  return taps;
}

tensor nearest(const resize_plan& plan, const tensor& x) {
  tensor y(x.type(), plan.output());
  if (y.count() == 0) return y;
  std::vector<resize_taps> taps;
  for (std::size_t axis = 0; axis < plan.axes.size(); ++axis)
    taps.push_back(plan.keeps(axis) ? all_kept(plan.axes[axis].from) : resize_taps_of(plan, plan.axes[axis]));
  with_type(x.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    pick(plan, taps, strides_of(x.shape()), x.as<element>(), y.as<element>());
  });
  return y;
}

// -- weighted sums, axis after axis ---------------------------------------------------------------------------------------

template <class T>
tensor along_axis(const resize_plan& plan, const tensor& x, std::size_t axis) {
  const auto taps = resize_taps_of(plan, plan.axes[axis]);
  auto shape = x.shape();
  shape[axis] = plan.axes[axis].to;
  auto y = tensor::zeros(x.type(), shape);
  const auto step = count_between(shape, axis + 1, shape.size()), from = plan.axes[axis].from, to = plan.axes[axis].to;
  for (std::int64_t row = 0; row < count_between(shape, 0, axis + 1); ++row) {
    T* const into = y.as<T>() + row * step;
    const T* const source = x.as<T>() + row / to * from * step;
    const auto tap = static_cast<std::size_t>(row % to * taps.width);
    for (std::size_t k = tap; k < tap + static_cast<std::size_t>(taps.width); ++k) {
      const auto at = taps.indices[k];
      const auto weight = static_cast<T>(taps.weights[k]);
      if (at < 0) {
        std::fill_n(into, step, static_cast<T>(plan.outside));
        break;
      }
      for (std::int64_t i = 0; i < step; ++i) into[i] += weight * source[at * step + i];
    }
  }
  return y;
}

template <class T>
tensor weighted(const resize_plan& plan, tensor x) {
  std::vector<std::size_t> order;
  for (std::size_t axis = 0; axis < plan.axes.size(); ++axis)
    if (!plan.keeps(axis)) order.push_back(axis);
  // What becomes shorter comes first: no step is larger than the input or the output.
  std::ranges::stable_sort(order, {}, [&](std::size_t axis) {
    return static_cast<double>(plan.axes[axis].to) / static_cast<double>(std::max<std::int64_t>(plan.axes[axis].from, 1));
  });
  for (const auto axis : order) x = along_axis<T>(plan, x, axis);
  return x;
}

/// The type that holds the elements well enough for sums.
dtype type_of_sums(dtype type) {
  const bool is_small = size_of(type) <= 2 || type == dtype::f32;
  return is_small ? dtype::f32 : dtype::f64;
}

result<std::vector<tensor>> compute(const node& of, tensor_inputs inputs) {
  const auto found = resize_plan_of(of, as_known(inputs));
  if (!found) return found.error();
  const auto* const plan = &**found;
  const auto& x = *inputs[0];
  if (plan->kind == resize_kind::nearest && !plan->axes.empty()) return std::vector<tensor>{nearest(*plan, x)};
  if (count_of(plan->output()) == 0 || plan->axes.empty()) return std::vector<tensor>{x.reshaped(plan->output())};
  const auto sums = type_of_sums(x.type());
  return with_real(sums, [&](auto tag) -> std::vector<tensor> {
    using real = typename decltype(tag)::type;
    tensor y = weighted<real>(*plan, widened_to(x, sums));
    if (y.type() == x.type()) return {std::move(y)};
    tensor narrow(x.type(), y.shape());
    with_type(x.type(), [&](auto to) {
      using element = typename decltype(to)::type;
      for (std::int64_t i = 0; i < y.count(); ++i)
        narrow.as<element>()[i] = saturated<element>(static_cast<double>(y.as<real>()[i]));
    });
    return {std::move(narrow)};
  });
}

}  // namespace

void add_resizes(operator_table& to) {
  to.add({.name = "Resize", .first = 10, .infer = infer, .compute = compute});
  to.add({.name = "Upsample", .first = 7, .last = 9, .infer = infer, .compute = compute});
}

}  // namespace troupe::gpu::detail
