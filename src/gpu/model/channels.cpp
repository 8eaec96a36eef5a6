#include "gpu/model/channels.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace troupe::gpu {

namespace {

/// The shares of red, green and blue in brightness (ITU-R BT.601), which networks for `y` are trained with.
constexpr std::array<float, 3> brightness{0.299F, 0.587F, 0.114F};

/// Where a point of the larger picture lies in the smaller one, between two of its points.
struct between {
  int low = 0;
  int high = 0;
  float share = 0;  ///< of the high one
};

std::vector<between> spread(int length, int scale) {
  std::vector<between> points;
  for (int i = 0; i < length * scale; ++i) {
    const float at = (static_cast<float>(i) + 0.5F) / static_cast<float>(scale) - 0.5F;
    const int low = static_cast<int>(std::floor(at));
    points.push_back({std::clamp(low, 0, length - 1), std::clamp(low + 1, 0, length - 1), at - static_cast<float>(low)});
  }
  return points;
}

/// Adds a plane, smoothly enlarged, to a larger one.
void add_enlarged(const float* plane, const made_channels& made, float* to) {
  const auto columns = spread(made.width, made.scale);
  for (const auto& line : spread(made.height, made.scale)) {
    const float* const upper = plane + std::ptrdiff_t{line.low} * made.width;
    const float* const lower = plane + std::ptrdiff_t{line.high} * made.width;
    for (const auto& column : columns) {
      const float above = upper[column.low] + column.share * (upper[column.high] - upper[column.low]);
      const float below = lower[column.low] + column.share * (lower[column.high] - lower[column.low]);
      *to++ += above + line.share * (below - above);
    }
  }
}

float brightness_at(const float* planes, std::size_t values, std::size_t at) {
  return brightness[0] * planes[at] + brightness[1] * planes[values + at] + brightness[2] * planes[2 * values + at];
}

}  // namespace

void to_channels(const float* planes, std::size_t values, channel_order order, const value_scale& scale, float* channels) {
  if (order == channel_order::y) {
    for (std::size_t i = 0; i < values; ++i) channels[i] = brightness_at(planes, values, i) * scale.gain[0] + scale.offset[0];
    return;
  }
  for (std::size_t c = 0; c < 3; ++c) {
    const float* const plane = planes + plane_of(order, c) * values;
    std::transform(plane, plane + values, channels + c * values,
                   [gain = scale.gain[c], offset = scale.offset[c]](float value) { return value * gain + offset; });
  }
}

void scale_back(const float* from, std::size_t values, const value_scale& scale, std::size_t channel, float* to) {
  const float gain = scale.gain[channel], offset = scale.offset[channel];
  if (gain == 1 && offset == 0)
    std::copy_n(from, values, to);
  else
    std::transform(from, from + values, to, [=](float value) { return (value - offset) / gain; });
}

void from_channels(const made_channels& made, channel_order order, const value_scale& scale, float* planes) {
  const auto before = static_cast<std::size_t>(made.width) * static_cast<std::size_t>(made.height);
  const auto values = before * static_cast<std::size_t>(made.scale) * static_cast<std::size_t>(made.scale);
  if (order != channel_order::y) {
    for (std::size_t c = 0; c < 3; ++c)
      scale_back(made.channels + c * values, values, scale, c, planes + plane_of(order, c) * values);
    return;
  }
  std::vector<float> colour(before);
  for (std::size_t c = 0; c < 3; ++c) {
    scale_back(made.channels, values, scale, 0, planes + c * values);
    for (std::size_t i = 0; i < before; ++i) colour[i] = made.original[c * before + i] - brightness_at(made.original, before, i);
    add_enlarged(colour.data(), made, planes + c * values);
  }
}

}  // namespace troupe::gpu
