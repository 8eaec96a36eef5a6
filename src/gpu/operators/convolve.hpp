#pragma once

#include "gpu/operators/window.hpp"

/// The loops of convolutions, for numbers of any kind.
namespace troupe::gpu::detail {

/// A convolution of N inputs of `groups * channels` planes into `groups * features` planes.
struct convolution {
  window over;
  std::int64_t batch = 1;
  std::int64_t groups = 1;
  std::int64_t channels = 1;  ///< in each group, that are read
  std::int64_t features = 1;  ///< in each group, that are made
};

/// Adds to y. Weights are [groups * features, channels, kernel...].
template <class T>
void convolve(const convolution& of, const T* x, const T* weights, T* y) {
  const auto kernel = count_of(of.over.kernel), from = count_of(of.over.input), to = count_of(of.over.output);
  const auto stride = of.over.strides.back();
  row_walk walk(of.over);
  for (std::int64_t plane = 0; plane < of.batch * of.groups * of.features; ++plane) {
    const auto feature = plane % (of.groups * of.features);
    const auto first_channel = plane / of.features * of.channels;
    for (std::int64_t channel = 0; channel < of.channels; ++channel) {
      const T* const source = x + (first_channel + channel) * from;
      const T* const weight = weights + (feature * of.channels + channel) * kernel;
      for (std::int64_t element = 0; element < kernel; ++element) {
        const T factor = weight[element];
        walk.rows(element, [&](std::int64_t output, std::int64_t input, std::int64_t count) {
          T* const into = y + plane * to + output;
          const T* const read = source + input;
          if (stride == 1)
            for (std::int64_t i = 0; i < count; ++i) into[i] += factor * read[i];
          else
            for (std::int64_t i = 0; i < count; ++i) into[i] += factor * read[i * stride];
        });
      }
    }
  }
}

/// Adds to y, which has the places that the windows read. Weights are [groups * channels, features, kernel...].
template <class T>
void convolve_transposed(const convolution& of, const T* x, const T* weights, T* y) {
  const auto kernel = count_of(of.over.kernel), to = count_of(of.over.input), from = count_of(of.over.output);
  const auto stride = of.over.strides.back();
  row_walk walk(of.over);
  for (std::int64_t plane = 0; plane < of.batch * of.groups * of.features; ++plane) {
    const auto group = plane / of.features % of.groups;
    const auto first_channel = plane / of.features * of.channels;
    for (std::int64_t channel = 0; channel < of.channels; ++channel) {
      const T* const source = x + (first_channel + channel) * from;
      const T* const weight = weights + ((group * of.channels + channel) * of.features + plane % of.features) * kernel;
      for (std::int64_t element = 0; element < kernel; ++element) {
        const T factor = weight[element];
        walk.rows(element, [&](std::int64_t read, std::int64_t write, std::int64_t count) {
          T* const into = y + plane * to + write;
          for (std::int64_t i = 0; i < count; ++i) into[i * stride] += factor * source[read + i];
        });
      }
    }
  }
}

/// What a convolution of these shapes is; refuses channels and groups that do not fit.
[[nodiscard]] result<convolution> convolution_of(const node& of, const dims& x, const dims& weights);

}  // namespace troupe::gpu::detail
