#include <cmath>

#include "gpu/operators/broadcast.hpp"
#include "gpu/operators/checks.hpp"
#include "gpu/operators/groups.hpp"
#include "gpu/operators/reals.hpp"

namespace troupe::gpu::detail {

namespace {

struct shapes {
  dims kept;    ///< with the reduced axes as 1
  dims output;  ///< without them, if they are not kept
};

shapes shapes_of(const node& of, const dims& x, const std::vector<bool>& axes) {
  shapes made;
  for (std::size_t axis = 0; axis < x.size(); ++axis) {
    made.kept.push_back(axes[axis] ? 1 : x[axis]);
    if (!axes[axis] || of.integer("keepdims", 1) != 0) made.output.push_back(made.kept.back());
  }
  return made;
}

result<output_types> infer(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need(inputs, 0, "data"));
  const bool is_compared = of.op == "ReduceMax" || of.op == "ReduceMin";
  if (!is_compared && (x->type == dtype::boolean || size_of(x->type) == 1))
    return refuse(fmt::format("input data is {}", to_string(x->type)));
  TROUPE_TRY(const auto axes, reduced_axes_of(of, inputs));
  if (!axes) return output_types{};
  if (of.op == "ReduceMean" && !is_floating(x->type) && count_of(x->shape) == 0) return refuse("there is no mean of nothing");
  return output_types{{x->type, shapes_of(of, x->shape, *axes).output}};
}

// -- what is made of the elements -----------------------------------------------------------------------------------------

/// Sums of whole numbers wrap around.
template <class T>
T add(T a, T b) noexcept {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  else
    return a + b;
}

template <class T>
T product(T a, T b) noexcept {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
  else
    return a * b;
}

template <class T>
T magnitude(T a) noexcept {
  if constexpr (std::is_unsigned_v<T>)
    return a;
  else if constexpr (std::is_integral_v<T>)
    return static_cast<T>(a < 0 ? 0 - static_cast<std::uint64_t>(a) : static_cast<std::uint64_t>(a));
  else
    return std::abs(a);
}

template <class T>
constexpr T smallest() noexcept {
  return std::is_integral_v<T> ? std::numeric_limits<T>::lowest() : -std::numeric_limits<T>::infinity();
}
template <class T>
constexpr T largest() noexcept {
  return std::is_integral_v<T> ? std::numeric_limits<T>::max() : std::numeric_limits<T>::infinity();
}

/// What one output element is made of, in T (double, or the widest whole number of the same sign).
template <class T>
struct plan {
  T start;
  T (*step)(T, T);
  T (*finish)(T sum, std::int64_t count);
};

template <class T>
T as_it_is(T sum, std::int64_t) noexcept {
  return sum;
}

template <class T>
T mean(T sum, std::int64_t count) noexcept {
  return sum / static_cast<T>(count);
}

/// nan stays.
template <class T>
T greater(T a, T b) noexcept {
  return b > a || b != b ? b : a;
}
template <class T>
T less(T a, T b) noexcept {
  return b < a || b != b ? b : a;
}

template <class T>
plan<T> plan_of(std::string_view op) {
  const auto plus_magnitude = [](T sum, T x) { return add(sum, magnitude(x)); };
  const auto plus_square = [](T sum, T x) { return add(sum, product(x, x)); };
  const auto root = [](T sum, std::int64_t) { return static_cast<T>(std::sqrt(static_cast<double>(sum))); };
  const auto logarithm = [](T sum, std::int64_t) { return static_cast<T>(std::log(static_cast<double>(sum))); };
  if (op == "ReduceMean") return {.start = 0, .step = add<T>, .finish = mean<T>};
  if (op == "ReduceMax") return {.start = smallest<T>(), .step = greater<T>, .finish = as_it_is<T>};
  if (op == "ReduceMin") return {.start = largest<T>(), .step = less<T>, .finish = as_it_is<T>};
  if (op == "ReduceProd") return {.start = 1, .step = product<T>, .finish = as_it_is<T>};
  if (op == "ReduceL1") return {.start = 0, .step = plus_magnitude, .finish = as_it_is<T>};
  if (op == "ReduceL2") return {.start = 0, .step = plus_square, .finish = root};
  if (op == "ReduceLogSum") return {.start = 0, .step = add<T>, .finish = logarithm};
  if (op == "ReduceSumSquare") return {.start = 0, .step = plus_square, .finish = as_it_is<T>};
  return {.start = 0, .step = add<T>, .finish = as_it_is<T>};
}

/// Roots and logarithms of whole numbers are computed in double, too.
template <class Element>
using wide_of = std::conditional_t<!std::is_integral_v<Element>, double,
                                   std::conditional_t<std::is_signed_v<Element>, std::int64_t, std::uint64_t>>;

bool is_in_double(std::string_view op) { return op == "ReduceL2" || op == "ReduceLogSum" || op == "ReduceLogSumExp"; }

template <class Wide, class Element>
void reduce(const node& of, const tensor& x, const dims& kept, tensor& y) {
  const std::array strides{broadcast_strides(kept, x.shape())};
  const auto over = [&](auto visit) {
    for_each_element(x.shape(), strides, [&](std::int64_t i, const std::array<std::int64_t, 1>& at) {
      visit(static_cast<std::size_t>(at[0]), static_cast<Wide>(x.as<Element>()[i]));
    });
  };
  const auto made = plan_of<Wide>(of.op);
  std::vector<Wide> sums(static_cast<std::size_t>(y.count()), made.start);
  std::vector<Wide> most;
  if (of.op == "ReduceLogSumExp") {
    // exp of the largest one is 1: nothing overflows.
    most.assign(sums.size(), smallest<Wide>());
    over([&](std::size_t at, Wide one) { most[at] = std::max(most[at], one); });
    for (auto& one : most) one = std::isfinite(static_cast<double>(one)) ? one : 0;
    over([&](std::size_t at, Wide one) { sums[at] += static_cast<Wide>(std::exp(static_cast<double>(one - most[at]))); });
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] = static_cast<Wide>(std::log(static_cast<double>(sums[i]))) + most[i];
  } else {
    const auto step = made.step;
    over([&](std::size_t at, Wide one) { sums[at] = step(sums[at], one); });
  }
  const auto each = x.count() / std::max<std::int64_t>(y.count(), 1);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const auto sum = made.finish(sums[i], each);
    y.as<Element>()[i] = std::is_same_v<Wide, double> ? saturated<Element>(static_cast<double>(sum)) : static_cast<Element>(sum);
  }
}

result<std::vector<tensor>> compute(const node& of, tensor_inputs inputs) {
  const auto& x = *inputs[0];
  TROUPE_TRY(const auto axes, reduced_axes_of(of, as_known(inputs)));
  const auto made = shapes_of(of, x.shape(), *axes);
  tensor y(x.type(), made.output);
  with_type(x.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    if (is_in_double(of.op))
      reduce<double, element>(of, x, made.kept, y);
    else
      reduce<wide_of<element>, element>(of, x, made.kept, y);
  });
  return std::vector<tensor>{std::move(y)};
}

}  // namespace

result<reduced_axes> reduced_axes_of(const node& of, known_inputs inputs) {
  const auto rank = inputs[0]->type.shape.size();
  std::vector<std::int64_t> axes;
  const bool is_input = of.opset >= (of.op == "ReduceSum" ? 13 : 18);
  if (is_input) {
    TROUPE_TRY(auto given, numbers_at(inputs, 1));
    if (!given.is_known) return reduced_axes{};
    if (given.values) axes = *std::move(given.values);
  } else {
    axes = of.integers("axes").value_or(axes);
  }
  if (axes.empty()) return reduced_axes{std::vector<bool>(rank, !is_input || of.integer("noop_with_empty_axes", 0) == 0)};
  TROUPE_TRY(auto named, marks_of(axes, rank));
  return reduced_axes{std::move(named)};
}

void add_reductions(operator_table& to) {
  for (const auto* const name : {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
                                 "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"})
    to.add({.name = name, .infer = infer, .compute = compute});
}

}  // namespace troupe::gpu::detail
