#include <cmath>
#include <numeric>

#include "gpu/operators/checks.hpp"
#include "gpu/operators/reals.hpp"

namespace troupe::gpu::detail {

namespace {

/// Runs of elements along one axis.
struct runs {
  runs(const dims& shape, std::size_t axis)
      : outer(count_between(shape, 0, axis)), length(shape[axis]), step(count_between(shape, axis + 1, shape.size())) {}
  std::int64_t outer, length, step;
  [[nodiscard]] std::int64_t count() const noexcept { return outer * step; }
  /// Where run i begins; with another length the same run of another tensor.
  [[nodiscard]] std::int64_t start(std::int64_t i, std::int64_t of_length) const noexcept {
    return i / step * of_length * step + i % step;
  }
};

// -- the place of the largest or smallest ---------------------------------------------------------------------------------

result<output_types> infer_place(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need(inputs, 0, "data"));
  if (x->type == dtype::boolean) return refuse("input data is bool");
  TROUPE_TRY(const auto axis, axis_of(of.integer("axis", 0), x->shape.size()));
  if (x->shape[axis] == 0) return refuse(fmt::format("axis {} of {} has no elements", axis, to_text(x->shape)));
  auto shape = x->shape;
  if (of.integer("keepdims", 1) != 0)
    shape[axis] = 1;
  else
    shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  return output_types{{dtype::i64, std::move(shape)}};
}

template <bool IsLargest>
result<std::vector<tensor>> compute_place(const node& of, tensor_inputs inputs) {
  const auto& x = *inputs[0];
  TROUPE_TRY(const auto axis, axis_of(of.integer("axis", 0), x.shape().size()));
  const runs along(x.shape(), axis);
  const bool is_last = of.integer("select_last_index", 0) != 0;
  auto shape = x.shape();
  if (of.integer("keepdims", 1) != 0)
    shape[axis] = 1;
  else
    shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  tensor y(dtype::i64, shape);
  with_type(x.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    for (std::int64_t i = 0; i < along.count(); ++i) {
      const auto* const first = x.as<element>() + along.start(i, along.length);
      std::int64_t best = 0;
      for (std::int64_t k = 1; k < along.length; ++k) {
        const auto one = first[k * along.step], other = first[best * along.step];
        if ((IsLargest ? one > other : one < other) || (is_last && one == other)) best = k;
      }
      y.as<std::int64_t>()[i] = best;
    }
  });
  return std::vector<tensor>{std::move(y)};
}

// -- the K largest or smallest --------------------------------------------------------------------------------------------

/// How many; nothing if not known yet.
result<std::optional<std::int64_t>> count_wanted(const node& of, known_inputs inputs) {
  if (of.opset < 10) return std::optional{of.integer("k", -1)};
  return number_at(inputs, 1);
}

result<output_types> infer_top(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need(inputs, 0, "X"));
  if (x->type == dtype::boolean) return refuse("input X is bool");
  TROUPE_TRY(const auto axis, axis_of(of.integer("axis", -1), x->shape.size()));
  TROUPE_TRY(const auto wanted, count_wanted(of, inputs));
  if (!wanted) return output_types{};
  auto shape = x->shape;
  if (*wanted < 0 || *wanted > shape[axis])
    return refuse(fmt::format("axis {} of {} does not have {} elements", axis, to_text(shape), *wanted));
  shape[axis] = *wanted;
  output_types types{{x->type, shape}, {dtype::i64, shape}};
  types.resize(std::clamp<std::size_t>(of.outputs.size(), 1, 2));
  return types;
}

template <class T>
bool is_nan(T x) noexcept {
  return x != x;
}

/// An order of all numbers, also nan, which counts as the largest.
template <class T>
bool is_above(T a, T b) noexcept {
  return is_nan(a) ? !is_nan(b) : a > b;
}

result<std::vector<tensor>> compute_top(const node& of, tensor_inputs inputs) {
  const auto& x = *inputs[0];
  TROUPE_TRY(const auto axis, axis_of(of.integer("axis", -1), x.shape().size()));
  const auto wanted = of.opset < 10 ? of.integer("k", 0) : inputs[1]->whole_numbers().front();
  const runs along(x.shape(), axis);
  const bool is_largest = of.integer("largest", 1) != 0;
  auto shape = x.shape();
  shape[axis] = wanted;
  tensor y(x.type(), shape), places(dtype::i64, shape);
  std::vector<std::int64_t> order(static_cast<std::size_t>(along.length));
  with_type(x.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    for (std::int64_t i = 0; wanted > 0 && i < along.count(); ++i) {
      const auto* const first = x.as<element>() + along.start(i, along.length);
      std::iota(order.begin(), order.end(), 0);
      const auto is_before = [&](std::int64_t a, std::int64_t b) {
        const auto one = first[a * along.step], other = first[b * along.step];
        if (is_above(one, other)) return is_largest;
        if (is_above(other, one)) return !is_largest;
        return a < b;
      };
      std::partial_sort(order.begin(), order.begin() + wanted, order.end(), is_before);
      for (std::int64_t k = 0; k < wanted; ++k) {
        const auto at = along.start(i, wanted) + k * along.step;
        y.as<element>()[at] = first[order[static_cast<std::size_t>(k)] * along.step];
        places.as<std::int64_t>()[at] = order[static_cast<std::size_t>(k)];
      }
    }
  });
  return std::vector<tensor>{std::move(y), std::move(places)};
}

// -- running sums ---------------------------------------------------------------------------------------------------------

result<output_types> infer_running(const node&, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need(inputs, 0, "x"));
  if (x->type == dtype::boolean || size_of(x->type) == 1) return refuse(fmt::format("input x is {}", to_string(x->type)));
  TROUPE_TRY(const auto axis, number_at(inputs, 1));
  if (axis) TROUPE_CHECK(axis_of(*axis, x->shape.size()));
  return output_types{*x};
}

result<std::vector<tensor>> compute_running(const node& of, tensor_inputs inputs) {
  const auto& x = *inputs[0];
  TROUPE_TRY(const auto axis, axis_of(inputs[1]->whole_numbers().front(), x.shape().size()));
  const runs along(x.shape(), axis);
  const bool is_exclusive = of.integer("exclusive", 0) != 0, is_reverse = of.integer("reverse", 0) != 0;
  tensor y(x.full_type());
  with_type(x.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    // Whole numbers wrap around.
    using sum_type = std::conditional_t<std::is_integral_v<element>, std::uint64_t, double>;
    for (std::int64_t i = 0; i < along.count(); ++i) {
      sum_type sum = 0;
      for (std::int64_t k = 0; k < along.length; ++k) {
        const auto at = along.start(i, along.length) + (is_reverse ? along.length - 1 - k : k) * along.step;
        const auto one = static_cast<sum_type>(x.as<element>()[at]);
        y.as<element>()[at] = static_cast<element>(is_exclusive ? sum : sum + one);
        sum += one;
      }
    }
  });
  return std::vector<tensor>{std::move(y)};
}

}  // namespace

void add_selections(operator_table& to) {
  to.add({.name = "ArgMax", .infer = infer_place, .compute = compute_place<true>});
  to.add({.name = "ArgMin", .infer = infer_place, .compute = compute_place<false>});
  to.add({.name = "TopK", .infer = infer_top, .compute = compute_top});
  to.add({.name = "CumSum", .first = 11, .infer = infer_running, .compute = compute_running});
}

}  // namespace troupe::gpu::detail
