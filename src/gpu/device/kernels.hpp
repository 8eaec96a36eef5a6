#pragma once

#include "gpu/device/builder.hpp"
#include "gpu/operators.hpp"

/// What makes kernels of a step. Each returns false, with nothing added, if it cannot: then another one does it.
namespace troupe::gpu::device {

result<bool> make_convolution(builder& to, const step& of);
result<bool> make_product(builder& to, const step& of);
bool make_pool(builder& to, const step& of);
bool make_elementwise(builder& to, const step& of);
bool make_softmax(builder& to, const step& of);
bool make_reduction(builder& to, const step& of);
bool make_normalisation(builder& to, const step& of);
/// Reshape, Transpose, Slice, Split, Expand and the like: the same memory seen in another way.
bool make_view(builder& to, const step& of);
/// Concat, DepthToSpace, SpaceToDepth, Tile: copied parts.
bool make_copies(builder& to, const step& of);
/// Pad, Resize, Gather: by tables.
bool make_tables(builder& to, const step& of);

/// How the pictures of a convolution lie best for tensor cores.
/// @param weights as the file has them.
[[nodiscard]] layout layout_for(const dims& weights, std::int64_t groups, bool is_transposed, dtype elements) noexcept;

/// Copies a tensor, whose steps are positive, into a larger one of the same elements, with zeros around it.
/// @param before zeros before each axis.
void add_padding(builder& to, const view& from, const view& into, const dims& before);

/// What elements a result has that is made of these: what is stored (`layout_options`) if all of them are, else the value's own.
[[nodiscard]] dtype common_type(const builder& to, value_id made, std::span<const view> of);

/// Whether results are about as large as what goes in: digits may be lost of them, the numbers are not. A factor or an addend may
/// be of any size.
[[nodiscard]] bool are_tame(std::span<const post_op> ops) noexcept;
/// Where that goes which follows `made`: to the same place, unless it may not be short.
[[nodiscard]] view target_after(builder& to, const view& made, std::span<const post_op> after);

/// Kernels for what follows an operator: from a view of its result to `output`, which lies in the same memory where it can.
void make_after(builder& to, const step& of, const view& made, std::span<const post_op> after);

/// The values of a node's inputs as `infer` has them. Valid while both are.
class known_of {
 public:
  known_of(const builder& in, const node& of);
  operator known_inputs() const noexcept { return pointers_; }  // NOLINT: it is nothing else

 private:
  std::vector<known_input> known_;
  std::vector<const known_input*> pointers_;
};

/// Collects a chain of functions that begins with a view, and adds the works that it takes.
class chain {
 public:
  /// @param shape of the result, into which operands are repeated.
  chain(builder& to, view from, dims shape) : to_(to), shape_(std::move(shape)), operands_{std::move(from)} {}

  /// A function of x alone.
  void apply(pointwise_op op, float alpha = 0, float beta = 0);
  /// A function of x and an operand.
  void apply(pointwise_op op, const view& operand);
  /// x where `where` is true, else `otherwise`.
  void choose(const view& where, const view& otherwise);
  void apply(std::span<const post_op> ops);
  /// Adds the work. The target may lie where the first view does.
  void finish(const view& target);
  [[nodiscard]] bool is_empty() const noexcept { return steps_.empty(); }

 private:
  void make_room(std::size_t operands);
  void emit(const view& target);

  builder& to_;
  dims shape_;
  std::vector<view> operands_;
  std::vector<pointwise_step> steps_;
};

[[nodiscard]] pointwise_op function_of(activation function) noexcept;

}  // namespace troupe::gpu::device
