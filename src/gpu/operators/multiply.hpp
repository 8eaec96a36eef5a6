#pragma once

#include "gpu/operators/broadcast.hpp"

/// Products of stacks of matrices, as numpy.matmul has them, for numbers of any kind.
namespace troupe::gpu::detail {

struct multiplication {
  dims batch;       ///< the axes before the matrices, broadcast
  dims left_steps;  ///< elements from one of the left matrices to the next, 0 where one is repeated
  dims right_steps;
  std::int64_t rows = 1, inner = 1, columns = 1;
  dims shape;  ///< of the result
};

/// Refuses what cannot be multiplied.
[[nodiscard]] result<multiplication> multiplication_of(const dims& left, const dims& right);

/// Sets y, [rows, columns]. Sums in the order of the inner axis.
template <class T>
void multiply_matrices(const T* left, const T* right, T* y, std::int64_t rows, std::int64_t inner, std::int64_t columns) {
  std::fill_n(y, rows * columns, T{});
  for (std::int64_t row = 0; row < rows; ++row) {
    T* const into = y + row * columns;
    for (std::int64_t i = 0; i < inner; ++i) {
      const T factor = left[row * inner + i];
      const T* const from = right + i * columns;
      for (std::int64_t column = 0; column < columns; ++column) into[column] += factor * from[column];
    }
  }
}

template <class T>
void multiply(const multiplication& of, const T* left, const T* right, T* y) {
  const std::array steps{of.left_steps, of.right_steps};
  for_each_element(of.batch, steps, [&](std::int64_t i, const std::array<std::int64_t, 2>& at) {
    multiply_matrices(left + at[0], right + at[1], y + i * of.rows * of.columns, of.rows, of.inner, of.columns);
  });
}

}  // namespace troupe::gpu::detail
