#pragma once

#include "gpu/operators/families.hpp"

/// Where the windows of convolutions and pools stand.
namespace troupe::gpu::detail {

/// One length for each spatial axis. Window x of an axis reads the places x * stride - pads_begin + k * dilation, k in [0,
/// kernel).
struct window {
  dims input;
  dims kernel;
  dims strides;
  dims dilations;
  dims pads_begin;
  dims pads_end;
  dims output;  ///< how many windows; none is empty

  [[nodiscard]] std::size_t rank() const noexcept { return kernel.size(); }
  /// How long a window is with its gaps.
  [[nodiscard]] std::int64_t extent(std::size_t axis) const noexcept { return (kernel[axis] - 1) * dilations[axis] + 1; }
};

/// The lengths of a tensor's axes after batch and channels.
[[nodiscard]] dims spatial_of(const dims& shape);
/// A shape of batch, channels, and spatial lengths.
[[nodiscard]] dims with_spatial(std::int64_t batch, std::int64_t channels, const dims& spatial);

/// Reads strides, dilations, pads, auto_pad, and for pools ceil_mode. A last window that would begin after the input and the
/// padding before it is left out, as PyTorch does it and newer versions of ONNX say.
/// @param kernel as the weights or `kernel_shape` say.
[[nodiscard]] result<window> window_of(const node& of, dims input, dims kernel);
/// The attribute `kernel_shape`, which pools must have.
[[nodiscard]] result<dims> kernel_shape_of(const node& of, std::size_t rank);

/// For a transposed convolution: the windows of the convolution that it is the transposed one of. `output` is then what the
/// transposed one reads, `input` what it makes.
[[nodiscard]] result<window> transposed_window_of(const node& of, dims made_from, dims kernel);

/// Which windows of one axis read a place of the input with element k of the kernel: [first, last).
struct span_of_windows {
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::int64_t start = 0;  ///< what window 0 would read; may lie outside
};
[[nodiscard]] span_of_windows windows_inside(const window& over, std::size_t axis, std::int64_t k) noexcept;

/// Walks over rows (runs along the last axis) of windows.
class row_walk {
 public:
  explicit row_walk(const window& over)
      : over_(over),
        input_steps_(strides_of(over.input)),
        output_steps_(strides_of(over.output)),
        index_(over.rank()),
        spans_(over.rank()) {}

  /// Calls `visit(output, input, count)` for each row of windows that read the input with one element of the kernel: the place of
  /// the first window, the place that it reads, and how many windows follow one another; they read `strides.back()` apart.
  /// @param element index of the kernel's element, in row-major order.
  template <class Visit>
  void rows(std::int64_t element, Visit&& visit) {
    if (!aim(element)) return;
    const auto last = over_.rank() - 1;
    const auto width = spans_[last].last - spans_[last].first;
    for (;;) {
      std::int64_t output = spans_[last].first;
      std::int64_t input = spans_[last].start + spans_[last].first * over_.strides[last];
      for (std::size_t axis = 0; axis < last; ++axis) {
        output += index_[axis] * output_steps_[axis];
        input += (spans_[axis].start + index_[axis] * over_.strides[axis]) * input_steps_[axis];
      }
      visit(output, input, width);
      auto axis = last;
      while (axis > 0 && ++index_[axis - 1] == spans_[axis - 1].last) index_[axis - 1] = spans_[axis - 1].first, --axis;
      if (axis == 0) return;
    }
  }

 private:
  /// @returns whether any window reads the input.
  bool aim(std::int64_t element) {
    for (auto axis = over_.rank(); axis-- > 0; element /= over_.kernel[axis]) {
      spans_[axis] = windows_inside(over_, axis, element % over_.kernel[axis]);
      if (spans_[axis].first >= spans_[axis].last) return false;
      index_[axis] = spans_[axis].first;
    }
    return true;
  }

  const window& over_;
  dims input_steps_;
  dims output_steps_;
  dims index_;
  std::vector<span_of_windows> spans_;
};

}  // namespace troupe::gpu::detail
