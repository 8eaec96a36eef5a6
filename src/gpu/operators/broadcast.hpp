#pragma once

#include <fmt/format.h>

#include "gpu/operators/families.hpp"

/// Numpy's broadcasting, as ONNX uses it ("Broadcasting in ONNX", docs/Broadcasting.md of onnx).
namespace troupe::gpu::detail {

/// The shape that all fit into, or a refusal.
[[nodiscard]] result<dims> broadcast(std::span<const dims* const> shapes);
[[nodiscard]] result<dims> broadcast(const dims& a, const dims& b);

/// Steps of a tensor's elements along the axes of a larger shape: 0 where it is repeated.
[[nodiscard]] dims broadcast_strides(const dims& shape, const dims& into);

/// Calls `visit(i, at)` for each element of `over`, in row-major order: its place i, and the places in each of the tensors whose
/// strides are given.
template <std::size_t N, class Visit>
void for_each_element(const dims& over, const std::array<dims, N>& strides, Visit&& visit) {
  const auto count = count_of(over);
  const auto rank = over.size();
  dims index(rank, 0);
  std::array<std::int64_t, N> at{};
  for (std::int64_t i = 0; i < count; ++i) {
    visit(i, at);
    for (auto axis = rank; axis-- > 0;) {
      for (std::size_t k = 0; k < N; ++k) at[k] += strides[k][axis];
      if (++index[axis] < over[axis]) break;
      for (std::size_t k = 0; k < N; ++k) at[k] -= strides[k][axis] * over[axis];
      index[axis] = 0;
    }
  }
}

}  // namespace troupe::gpu::detail
