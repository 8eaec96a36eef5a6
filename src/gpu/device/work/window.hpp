#pragma once

#include <math.h>

#include "gpu/device/work/elements.hpp"

/// Works that go over windows: pools, and convolutions that no library has.
namespace troupe::gpu::device {

/// Shorter windows have ones in front.
constexpr int window_rank = 3;

struct window_axis {
  std::int64_t input = 1, output = 1, kernel = 1, stride = 1, dilation = 1;
  std::int64_t pad_begin = 0, pad_end = 0;
};

/// Places [first, last) of a window's kernel that lie within [0, input).
struct kernel_span {
  std::int64_t first, last, start;
};
[[nodiscard]] TROUPE_DEVICE inline kernel_span span_within(const window_axis& along, std::int64_t window, std::int64_t least,
                                                           std::int64_t end) {
  const std::int64_t start = window * along.stride - along.pad_begin;
  std::int64_t first = start >= least ? 0 : (least - start + along.dilation - 1) / along.dilation;
  std::int64_t last = start >= end ? 0 : (end - start + along.dilation - 1) / along.dilation;
  last = last < along.kernel ? last : along.kernel;
  first = first < last ? first : last;
  return {first, last, start};
}

/// MaxPool and AveragePool. Tensors have five axes: batch, channels, and three of windows.
struct pool_work {
  const void* from = nullptr;
  void* to = nullptr;
  element type = element::f32;  ///< of both
  window_axis along[window_rank] = {};
  axes over{};  ///< of the result
  steps source{}, target{};
  bool is_maximum = false;
  bool counts_padding = false;  ///< the mean is over the padding, too

  [[nodiscard]] TROUPE_DEVICE std::int64_t count() const { return places_in(over); }
  TROUPE_DEVICE void operator()(std::int64_t i) const {
    std::int64_t index[2 + window_rank];
    for (int axis = 2 + window_rank; axis-- > 0; i /= over.lengths[axis]) index[axis] = i % over.lengths[axis];
    std::int64_t base = 0, into = 0, counted = 1;
    for (int axis = 0; axis < 2 + window_rank; ++axis) into += index[axis] * target.by[axis];
    for (int axis = 0; axis < 2; ++axis) base += index[axis] * source.by[axis];
    kernel_span spans[window_rank];
    for (int axis = 0; axis < window_rank; ++axis) {
      spans[axis] = span_within(along[axis], index[axis + 2], 0, along[axis].input);
      const kernel_span padded =
          span_within(along[axis], index[axis + 2], -along[axis].pad_begin, along[axis].input + along[axis].pad_end);
      counted *= counts_padding ? padded.last - padded.first : spans[axis].last - spans[axis].first;
    }
    const float made = folded(base, spans);
    store(type, to, into, is_maximum ? made : made / static_cast<float>(counted > 0 ? counted : 1));
  }

 private:
  [[nodiscard]] TROUPE_DEVICE float folded(std::int64_t base, const kernel_span (&spans)[window_rank]) const {
    float made = is_maximum ? -INFINITY : 0.0f;
    for (std::int64_t a = spans[0].first; a < spans[0].last; ++a)
      for (std::int64_t b = spans[1].first; b < spans[1].last; ++b)
        for (std::int64_t c = spans[2].first; c < spans[2].last; ++c) {
          const std::int64_t at = base + (spans[0].start + a * along[0].dilation) * source.by[2]
                                  + (spans[1].start + b * along[1].dilation) * source.by[3]
                                  + (spans[2].start + c * along[2].dilation) * source.by[4];
          const float x = loaded(type, from, at);
          made = is_maximum ? (x > made || x != x ? x : made) : made + x;
        }
    return made;
  }
};

/// A convolution, or a transposed one, one element of the result at a time: slow, and right for every shape. `along[k].input` is
/// always the longer side, which a transposed one makes.
struct convolution_work {
  const float* from = nullptr;
  const float* weights = nullptr;
  const float* bias = nullptr;  ///< null: none
  float* to = nullptr;
  window_axis along[window_rank] = {};
  axes over{};  ///< of the result: batch, channels, and three of windows
  steps source{}, target{};
  /// Of the weights: steps along the result's channel within its group, the group, the input's channel, and the kernel's axes.
  std::int64_t out_step = 0, group_step = 0, in_step = 0;
  std::int64_t kernel_steps[window_rank] = {};
  std::int64_t channels = 1;  ///< of the input in one group
  std::int64_t features = 1;  ///< of the result in one group
  bool is_transposed = false;

  [[nodiscard]] TROUPE_DEVICE std::int64_t count() const { return places_in(over); }
  TROUPE_DEVICE void operator()(std::int64_t i) const {
    std::int64_t index[2 + window_rank];
    for (int axis = 2 + window_rank; axis-- > 0; i /= over.lengths[axis]) index[axis] = i % over.lengths[axis];
    std::int64_t into = 0;
    for (int axis = 0; axis < 2 + window_rank; ++axis) into += index[axis] * target.by[axis];
    const std::int64_t group = index[1] / features;
    const float* const x = from + index[0] * source.by[0] + group * channels * source.by[1];
    const float* const w = weights + group * group_step + index[1] % features * out_step;
    float sum = bias != nullptr ? bias[index[1]] : 0.0f;
    for (std::int64_t a = 0; a < along[0].kernel; ++a)
      for (std::int64_t b = 0; b < along[1].kernel; ++b)
        for (std::int64_t c = 0; c < along[2].kernel; ++c) {
          const std::int64_t place[window_rank] = {read_by(0, index[2], a), read_by(1, index[3], b), read_by(2, index[4], c)};
          if (place[0] < 0 || place[1] < 0 || place[2] < 0) continue;
          const std::int64_t at = place[0] * source.by[2] + place[1] * source.by[3] + place[2] * source.by[4];
          const std::int64_t tap = a * kernel_steps[0] + b * kernel_steps[1] + c * kernel_steps[2];
          for (std::int64_t channel = 0; channel < channels; ++channel)
            sum += x[at + channel * source.by[1]] * w[tap + channel * in_step];
        }
    to[into] = sum;
  }

 private:
  /// The place of the input that element k of the kernel reads for this place of the result; -1: none.
  [[nodiscard]] TROUPE_DEVICE std::int64_t read_by(int axis, std::int64_t made, std::int64_t k) const {
    const window_axis& of = along[axis];
    if (!is_transposed) {
      const std::int64_t place = made * of.stride - of.pad_begin + k * of.dilation;
      return place >= 0 && place < of.input ? place : -1;
    }
    const std::int64_t reach = made + of.pad_begin - k * of.dilation;
    if (reach < 0 || reach % of.stride != 0) return -1;
    return reach / of.stride < of.output ? reach / of.stride : -1;
  }
};

}  // namespace troupe::gpu::device
