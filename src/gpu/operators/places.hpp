#pragma once

#include "gpu/operators/arguments.hpp"

/// Which elements the indices of Gather's and Scatter's kin mean.
namespace troupe::gpu::detail {

/// Refuses indices (input 1) that do not lie in input 0, for operators in which each index is one element's place along `axis`.
[[nodiscard]] result<void> expect_element_indices(const node& of, known_inputs inputs);
/// The element of a tensor of this shape that each index means. Refuses those outside.
[[nodiscard]] result<std::vector<std::int64_t>> element_places(const node& of, const dims& shape, const tensor& indices);

/// The first element of the slice that each list of indices (their last axis) means, after axes of batches that both have.
/// Refuses those outside.
[[nodiscard]] result<std::vector<std::int64_t>> slice_places(const dims& shape, std::size_t batches, const tensor& indices);

}  // namespace troupe::gpu::detail
