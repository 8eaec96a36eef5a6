#include <cmath>

#include "gpu/operators/checks.hpp"
#include "gpu/operators/groups.hpp"
#include "gpu/operators/reals.hpp"

namespace troupe::gpu::detail {

namespace {

result<output_types> infer(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need_floating(inputs, 0, "input"));
  TROUPE_CHECK(together_of(of, x->shape));
  return output_types{*x};
}

/// Calls `visit(x, y)` with places of the first elements of each group.
template <class Row>
result<std::vector<tensor>> each(const node& of, tensor_inputs inputs, Row row) {
  const auto x = widened(*inputs[0]);
  TROUPE_TRY(const auto how, together_of(of, x.shape()));
  tensor y(x.full_type());
  with_real(x.type(), [&](auto tag) {
    using real = typename decltype(tag)::type;
    for (std::int64_t i = 0; how.length > 0 && i < x.count() / how.length; ++i) {
      const auto start = i / how.step * how.step * how.length + i % how.step;
      row(x.as<real>() + start, y.as<real>() + start, how);
    }
  });
  return std::vector<tensor>{narrowed(std::move(y), inputs[0]->type())};
}

template <class T>
std::int64_t largest(const T* x, const together& how) {
  std::int64_t best = 0;
  for (std::int64_t i = 1; i < how.length; ++i)
    if (x[i * how.step] > x[best * how.step]) best = i;
  return best;
}

result<std::vector<tensor>> softmax(const node& of, tensor_inputs inputs) {
  return each(of, inputs, [](const auto* x, auto* y, const together& how) {
    using real = std::remove_pointer_t<decltype(y)>;
    const auto most = x[largest(x, how) * how.step];
    real sum = 0;
    for (std::int64_t i = 0; i < how.length; ++i) sum += y[i * how.step] = std::exp(x[i * how.step] - most);
    for (std::int64_t i = 0; i < how.length; ++i) y[i * how.step] /= sum;
  });
}

result<std::vector<tensor>> log_softmax(const node& of, tensor_inputs inputs) {
  return each(of, inputs, [](const auto* x, auto* y, const together& how) {
    using real = std::remove_pointer_t<decltype(y)>;
    const auto most = x[largest(x, how) * how.step];
    real sum = 0;
    for (std::int64_t i = 0; i < how.length; ++i) sum += std::exp(x[i * how.step] - most);
    for (std::int64_t i = 0; i < how.length; ++i) y[i * how.step] = x[i * how.step] - most - std::log(sum);
  });
}

result<std::vector<tensor>> hardmax(const node& of, tensor_inputs inputs) {
  return each(of, inputs, [](const auto* x, auto* y, const together& how) {
    const auto best = largest(x, how);
    for (std::int64_t i = 0; i < how.length; ++i) y[i * how.step] = i == best ? 1 : 0;
  });
}

}  // namespace

result<together> together_of(const node& of, const dims& x) {
  const bool is_matrix = of.opset < 13;
  const auto given = of.integer("axis", is_matrix ? 1 : -1);
  if (is_matrix && given == static_cast<std::int64_t>(x.size())) return together{};
  TROUPE_TRY(const auto axis, axis_of(given, x.size()));
  if (is_matrix) return together{.length = count_between(x, axis, x.size()), .step = 1};
  return together{.length = x[axis], .step = count_between(x, axis + 1, x.size())};
}

void add_softmax(operator_table& to) {
  to.add({.name = "Softmax", .infer = infer, .compute = softmax});
  to.add({.name = "LogSoftmax", .infer = infer, .compute = log_softmax});
  to.add({.name = "Hardmax", .infer = infer, .compute = hardmax});
}

}  // namespace troupe::gpu::detail
