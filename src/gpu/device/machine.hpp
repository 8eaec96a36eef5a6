#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "gpu/device/work/group.hpp"
#include "gpu/device/work/move.hpp"
#include "gpu/device/work/pointwise.hpp"
#include "gpu/device/work/window.hpp"
#include "gpu/tensor.hpp"

/// What is asked of a device: memory, copies, works of our own, and products and convolutions of its libraries.
namespace troupe::gpu::device {

using work = std::variant<move_work, table_work, taps_work, pointwise_work, softmax_work, reduce_work, normalise_work, pool_work,
                          convolution_work>;

/// Memory of a device; given back when the last one that holds it goes.
using block = std::shared_ptr<std::byte>;

/// A stack of products of matrices, row-major: result[rows, columns] = factor * left[rows, inner] * right[inner, columns].
struct product_spec {
  std::int64_t rows = 1, inner = 1, columns = 1, batch = 1;
  bool left_is_turned = false, right_is_turned = false;  ///< it lies as [inner, rows], or [columns, inner]
  std::int64_t left_step = 0, right_step = 0;            ///< elements from one matrix to the next; 0: the same one
  float factor = 1;
  dtype elements = dtype::f32;  ///< of all three; sums are of floats
};

/// The same in the terms of BLAS, where matrices are column-major: first[m, k] * second[k, n].
struct blas_call {
  bool first_is_turned = false, second_is_turned = false;
  std::int64_t m = 1, n = 1, k = 1;
  std::int64_t first_stride = 1, second_stride = 1, result_stride = 1;  ///< of columns ("leading dimension")
  std::int64_t first_step = 0, second_step = 0, result_step = 0, batch = 1;
};
/// The right matrix comes first: a row-major matrix is the turned column-major one.
[[nodiscard]] blas_call blas_call_of(const product_spec& of);

/// What may follow a convolution at once: y = function(convolution + bias + added).
struct convolution_tail {
  bool has_bias = false;
  bool has_added = false;  ///< a tensor that lies as the result does
  std::optional<pointwise_op> function = {};
  float alpha = 0, beta = 0;  ///< as `post_op` has them
  friend bool operator==(const convolution_tail&, const convolution_tail&) = default;
};

/// A convolution of two or three spatial axes with the same padding on both sides. Of a transposed one, x is what it makes
/// and y what it reads: it is the gradient of the convolution that this describes.
struct convolution_spec {
  dims x, w, y;                    ///< [batch, channels, ...], [features, channels / groups, ...]
  dims x_steps, w_steps, y_steps;  ///< elements along each axis
  dims pads, strides, dilations;   ///< of the spatial axes
  std::int64_t groups = 1;
  bool is_transposed = false;
  dtype elements = dtype::f32;  ///< of all operands; sums are of floats
  convolution_tail tail = {};
};
/// One line that names everything: what a plan is kept under.
[[nodiscard]] std::string key_of(const convolution_spec& of);

/// Where the operands of a convolution lie, at multiples of `operand_alignment`. Null for those that it does not have.
constexpr std::size_t operand_alignment = 16;
struct convolution_operands {
  const std::byte* read = nullptr;  ///< x, or y of a transposed one
  const std::byte* weights = nullptr;
  const std::byte* bias = nullptr;
  const std::byte* added = nullptr;
  std::byte* made = nullptr;
  std::byte* scratch = nullptr;
};

/// A convolution that is ready.
class convolution {
 public:
  virtual ~convolution() = default;
  /// Bytes of memory that it needs besides while it runs.
  [[nodiscard]] virtual std::size_t scratch() const noexcept = 0;
  virtual result<void> run(const convolution_operands& with) = 0;
};

/// What has been recorded, ready to be done again and again.
class recording {
 public:
  virtual ~recording() = default;
  virtual result<void> replay() = 0;
};

/// One device with one queue of work: what is given to it happens in that order. For one thread at a time.
/// Errors name the call and its status. `process_failed`: the device answers nothing more to this process.
class machine {
 public:
  virtual ~machine() = default;
  /// Whether its libraries multiply such elements.
  [[nodiscard]] virtual bool has(dtype elements) const noexcept = 0;
  /// @returns `no_space`, with sizes, if the budget has no more; `too_large` if the device has none.
  virtual result<block> allocate(std::size_t bytes) = 0;
  /// `from` may be changed when this returns.
  virtual result<void> upload(std::byte* to, const void* from, std::size_t bytes) = 0;
  /// What lies at `to` is there when this returns.
  virtual result<void> download(void* to, const std::byte* from, std::size_t bytes) = 0;
  virtual result<void> run(const work& what) = 0;
  /// Before a network's memory is counted, for each product that it will run.
  virtual result<void> make_ready(const product_spec& what) = 0;
  /// Bytes that it holds by itself, after that.
  [[nodiscard]] virtual std::size_t held() const noexcept = 0;
  virtual result<void> run(const product_spec& what, const std::byte* left, const std::byte* right, std::byte* made) = 0;
  /// @returns null if the device has none for this: then another layout, fewer things at once, or `convolution_work` does it.
  virtual result<std::unique_ptr<convolution>> make_convolution(const convolution_spec& of) = 0;
  /// Waits for all that was given to it.
  virtual result<void> wait() = 0;
  /// What is run between the two is not done, but recorded.
  virtual result<void> begin_recording() = 0;
  virtual result<std::unique_ptr<recording>> end_recording() = 0;
};

}  // namespace troupe::gpu::device
