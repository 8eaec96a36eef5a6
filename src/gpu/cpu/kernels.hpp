#pragma once

#include "gpu/cpu/builder.hpp"

/// What makes kernels of a step. Each returns false, with nothing added, if it cannot: then another one does it.
namespace troupe::gpu::cpu {

bool make_convolution(builder& to, const step& of);
bool make_matrix_product(builder& to, const step& of);
bool make_pooling(builder& to, const step& of);
bool make_elementwise(builder& to, const step& of);
bool make_softmax(builder& to, const step& of);
bool make_normalisation(builder& to, const step& of);
bool make_concat(builder& to, const step& of);
/// Reshape, Transpose and the like: the same memory seen in another way. Slice and Split: copied parts.
bool make_view(builder& to, const step& of);
bool make_resize(builder& to, const step& of);
bool make_depth_to_space(builder& to, const step& of);

/// What follows an operator, for a primitive of oneDNN to do at once.
struct fused_ops {
  dnnl::primitive_attr attributes = builder::attributes();
  arguments with;
  /// What the result is added to: it has to lie where the result will.
  std::optional<value_id> sum;
};
/// @param shape of the result.
/// @param can_sum the first addition of a tensor of the same shape may be made where the result lies (`fused_ops::sum`): of all
/// ways to add, oneDNN's convolutions have this one in their fast kernels.
[[nodiscard]] fused_ops fuse_into_primitive(builder& to, std::span<const post_op> after, const dims& shape, bool can_sum = false);

/// Kernels for what follows an operator that could not do it at once: from where `what.outputs[0]` lies to `output`.
void make_after(builder& to, const step& of, std::span<const post_op> after);

/// The first operations that are activations.
[[nodiscard]] std::span<const post_op> leading_activations(std::span<const post_op> after);

/// A row-major tensor as one of a higher rank: ones in front.
[[nodiscard]] layout with_rank(const dims& shape, std::size_t rank);

}  // namespace troupe::gpu::cpu
