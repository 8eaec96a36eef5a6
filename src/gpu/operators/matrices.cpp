#include "gpu/operators/checks.hpp"
#include "gpu/operators/multiply.hpp"
#include "gpu/operators/reals.hpp"

namespace troupe::gpu::detail {

namespace {

result<output_types> infer_multiply(const node&, known_inputs inputs) {
  TROUPE_TRY(const auto* const left, need(inputs, 0, "A"));
  TROUPE_TRY(const auto* const right, need(inputs, 1, "B"));
  if (!is_computed(left->type)) return refuse(fmt::format("input A is {}", to_string(left->type)));
  TROUPE_CHECK(need_same(inputs, 1, "B", left->type));
  TROUPE_TRY(auto plan, multiplication_of(left->shape, right->shape));
  return output_types{{left->type, std::move(plan.shape)}};
}

result<std::vector<tensor>> compute_multiply(const node&, tensor_inputs inputs) {
  const auto left = widened(*inputs[0]), right = widened(*inputs[1]);
  TROUPE_TRY(const auto plan, multiplication_of(left.shape(), right.shape()));
  tensor y(left.type(), plan.shape);
  with_computed(left.type(), [&](auto tag) {
    using number = typename decltype(tag)::type;
    multiply(plan, left.as<number>(), right.as<number>(), y.as<number>());
  });
  return std::vector<tensor>{narrowed(std::move(y), inputs[0]->type())};
}

// -- alpha * A * B + beta * C ---------------------------------------------------------------------------------------------

dims shape_as_used(const dims& shape, bool is_turned) { return is_turned ? dims{shape[1], shape[0]} : shape; }

result<dims> shape_of_gemm(const node& of, const dims& left, const dims& right) {
  if (left.size() != 2 || right.size() != 2)
    return refuse(fmt::format("inputs {} and {} are no matrices", to_text(left), to_text(right)));
  const auto a = shape_as_used(left, of.integer("transA", 0) != 0), b = shape_as_used(right, of.integer("transB", 0) != 0);
  if (a[1] != b[0]) return refuse(fmt::format("matrices {} and {} cannot be multiplied", to_text(a), to_text(b)));
  return dims{a[0], b[1]};
}

result<output_types> infer_gemm(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto* const left, need(inputs, 0, "A"));
  TROUPE_TRY(const auto* const right, need(inputs, 1, "B"));
  if (!is_computed(left->type)) return refuse(fmt::format("input A is {}", to_string(left->type)));
  TROUPE_CHECK(need_same(inputs, 1, "B", left->type));
  TROUPE_CHECK(need_same(inputs, 2, "C", left->type));
  TROUPE_TRY(auto shape, shape_of_gemm(of, left->shape, right->shape));
  if (const auto* const more = input_or_null(inputs, 2)) {
    TROUPE_TRY(const auto together, broadcast(more->type.shape, shape));
    if (together != shape)
      return refuse(fmt::format("input C {} does not fit into {}", to_text(more->type.shape), to_text(shape)));
  } else if (of.opset < 11) {
    return refuse("input C is missing");
  }
  return output_types{{left->type, std::move(shape)}};
}

template <class T>
tensor as_used(const tensor& x, bool is_turned) {
  if (!is_turned) return x;
  const auto rows = x.shape()[0], columns = x.shape()[1];
  tensor y(x.type(), {columns, rows});
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t column = 0; column < columns; ++column) y.as<T>()[column * rows + row] = x.as<T>()[row * columns + column];
  return y;
}

result<std::vector<tensor>> compute_gemm(const node& of, tensor_inputs inputs) {
  const auto type = widened(*inputs[0]).type();
  tensor y(type, *shape_of_gemm(of, inputs[0]->shape(), inputs[1]->shape()));
  with_computed(type, [&](auto tag) {
    using number = typename decltype(tag)::type;
    const tensor left = as_used<number>(widened(*inputs[0]), of.integer("transA", 0) != 0);
    const tensor right = as_used<number>(widened(*inputs[1]), of.integer("transB", 0) != 0);
    multiply_matrices(left.as<number>(), right.as<number>(), y.as<number>(), left.shape()[0], left.shape()[1], right.shape()[1]);
    // Whole numbers are scaled by whole ones; a negative factor wraps around to the right result.
    const auto factor = [&](const char* name) {
      const auto given = of.number(name, 1);
      if constexpr (std::is_floating_point_v<number>) return static_cast<number>(given);
      const bool is_possible = std::abs(given) < 1e9f;
      return static_cast<number>(is_possible ? static_cast<std::int64_t>(given) : 0);
    };
    const auto alpha = factor("alpha"), beta = factor("beta");
    for (std::int64_t i = 0; i < y.count(); ++i) y.as<number>()[i] *= alpha;
    if (!input_or_null(inputs, 2)) return;
    const auto more = widened(*inputs[2]);
    const std::array strides{broadcast_strides(more.shape(), y.shape())};
    for_each_element(y.shape(), strides, [&](std::int64_t i, const std::array<std::int64_t, 1>& at) {
      y.as<number>()[i] += beta * more.as<number>()[at[0]];
    });
  });
  return std::vector<tensor>{narrowed(std::move(y), inputs[0]->type())};
}

// -- determinants ---------------------------------------------------------------------------------------------------------

result<output_types> infer_determinant(const node&, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need_floating(inputs, 0, "X"));
  const auto rank = x->shape.size();
  if (rank < 2 || x->shape[rank - 1] != x->shape[rank - 2])
    return refuse(fmt::format("an input {} is no square matrix", to_text(x->shape)));
  return output_types{{x->type, {x->shape.begin(), x->shape.end() - 2}}};
}

/// By elimination, with the largest element of a column as pivot. The matrix is used up.
double determinant(std::vector<double>& matrix, std::size_t size) {
  double product = 1;
  for (std::size_t column = 0; column < size; ++column) {
    auto pivot = column;
    for (auto row = column; row < size; ++row)
      if (std::abs(matrix[row * size + column]) > std::abs(matrix[pivot * size + column])) pivot = row;
    if (matrix[pivot * size + column] == 0) return 0;
    if (pivot != column) {
      product = -product;
      for (std::size_t k = 0; k < size; ++k) std::swap(matrix[pivot * size + k], matrix[column * size + k]);
    }
    product *= matrix[column * size + column];
    for (auto row = column + 1; row < size; ++row) {
      const auto factor = matrix[row * size + column] / matrix[column * size + column];
      for (auto k = column; k < size; ++k) matrix[row * size + k] -= factor * matrix[column * size + k];
    }
  }
  return product;
}

result<std::vector<tensor>> compute_determinant(const node&, tensor_inputs inputs) {
  const auto& x = *inputs[0];
  const auto size = static_cast<std::size_t>(x.shape().back());
  tensor y(dtype::f64, {x.shape().begin(), x.shape().end() - 2});
  std::vector<double> matrix(size * size);
  for (std::int64_t i = 0; i < y.count(); ++i) {
    for (std::size_t k = 0; k < matrix.size(); ++k) matrix[k] = x.number(i * std::ssize(matrix) + static_cast<std::int64_t>(k));
    y.as<double>()[i] = determinant(matrix, size);
  }
  return std::vector<tensor>{narrowed(std::move(y), x.type())};
}

}  // namespace

result<multiplication> multiplication_of(const dims& left, const dims& right) {
  if (left.empty() || right.empty()) return refuse("a scalar is no matrix");
  const bool is_row = left.size() == 1, is_column = right.size() == 1;
  auto a = left, b = right;
  if (is_row) a.insert(a.begin(), 1);
  if (is_column) b.push_back(1);
  multiplication made{.batch = {},
                      .left_steps = {},
                      .right_steps = {},
                      .rows = a[a.size() - 2],
                      .inner = a.back(),
                      .columns = b.back(),
                      .shape = {}};
  if (b[b.size() - 2] != made.inner)
    return refuse(fmt::format("shapes {} and {} cannot be multiplied", to_text(left), to_text(right)));
  a.resize(a.size() - 2);
  b.resize(b.size() - 2);
  TROUPE_TRY(made.batch, broadcast(a, b));
  made.left_steps = broadcast_strides(a, made.batch);
  made.right_steps = broadcast_strides(b, made.batch);
  for (auto& step : made.left_steps) step *= made.rows * made.inner;
  for (auto& step : made.right_steps) step *= made.inner * made.columns;
  made.shape = made.batch;
  if (!is_row) made.shape.push_back(made.rows);
  if (!is_column) made.shape.push_back(made.columns);
  return made;
}

void add_matrices(operator_table& to) {
  to.add({.name = "MatMul", .infer = infer_multiply, .compute = compute_multiply});
  to.add({.name = "Gemm", .infer = infer_gemm, .compute = compute_gemm});
  to.add({.name = "Det", .first = 11, .infer = infer_determinant, .compute = compute_determinant});
}

}  // namespace troupe::gpu::detail
