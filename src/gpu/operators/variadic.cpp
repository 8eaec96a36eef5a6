#include <cmath>

#include "gpu/operators/arguments.hpp"
#include "gpu/operators/broadcast.hpp"

/// Operators of any number of inputs, of one type, broadcast to one shape.
namespace troupe::gpu::detail {

namespace {

template <class Input>
result<dims> shape_of_all(std::span<const Input* const> inputs, const dims& (*shape_of)(const Input&)) {
  std::vector<const dims*> shapes;
  for (const auto* const input : inputs) shapes.push_back(&shape_of(*input));
  return broadcast(shapes);
}

template <type_set Types>
result<output_types> infer_all(const node& of, known_inputs inputs) {
  const auto count = std::max<std::size_t>(inputs.size(), 1);
  TROUPE_CHECK(expect_counts(of, inputs, count, count));
  TROUPE_CHECK(expect_type(inputs, 0, Types));
  for (std::size_t i = 1; i < count; ++i) TROUPE_CHECK(expect_same_type(inputs, i, 0));
  TROUPE_TRY(auto shape, shape_of_all<known_input>(inputs, [](const known_input& x) -> const dims& { return x.type.shape; }));
  return output_types{{inputs[0]->type.type, std::move(shape)}};
}

/// Folds the inputs into one tensor, from the first to the last; each step is rounded to the elements' type.
template <type_set Types, auto Function>
result<std::vector<tensor>> fold(const node&, tensor_inputs inputs) {
  TROUPE_TRY(const auto shape, shape_of_all<tensor>(inputs, [](const tensor& x) -> const dims& { return x.shape(); }));
  tensor y(inputs[0]->type(), shape);
  copy_strided(*inputs[0], y, 0, broadcast_strides(inputs[0]->shape(), shape));
  with_one_of<Types>(y.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    auto* const folded = y.as<element>();
    for (const auto* const next : inputs.subspan(1)) {
      const auto* const x = next->as<element>();
      const std::array<dims, 1> strides{broadcast_strides(next->shape(), shape)};
      for_each_element(shape, strides, [&](std::int64_t i, const auto& at) {
        folded[i] = static_cast<element>(Function(widened(folded[i]), widened(x[at[0]])));
      });
    }
  });
  return only(std::move(y));
}

constexpr auto sum = [](double a, double b) { return a + b; };

result<std::vector<tensor>> compute_mean(const node& of, tensor_inputs inputs) {
  auto made = fold<floating_types, sum>(of, inputs);
  if (!made) return made;
  auto& y = (*made)[0];
  with_one_of<floating_types>(y.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    auto* const elements = y.as<element>();
    for (std::int64_t i = 0; i < y.count(); ++i)
      elements[i] = static_cast<element>(static_cast<double>(elements[i]) / static_cast<double>(inputs.size()));
  });
  return made;
}

/// NaN wins, as in numpy.
constexpr auto lesser = [](auto a, auto b) { return b < a || b != b ? b : a; };
constexpr auto greater = [](auto a, auto b) { return b > a || b != b ? b : a; };

}  // namespace

void add_variadic(operator_table& to) {
  to.add({.name = "Min", .infer = infer_all<number_types>, .compute = fold<number_types, lesser>});
  to.add({.name = "Max", .infer = infer_all<number_types>, .compute = fold<number_types, greater>});
  to.add({.name = "Sum", .infer = infer_all<floating_types>, .compute = fold<floating_types, sum>});
  to.add({.name = "Mean", .infer = infer_all<floating_types>, .compute = compute_mean});
}

}  // namespace troupe::gpu::detail
