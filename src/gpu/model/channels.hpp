#pragma once

#include <cstddef>

#include "gpu/model/description.hpp"

namespace troupe::gpu {

/// The plane, counted as red, green, blue, that stands on a channel; all three stand on the one of `y`.
[[nodiscard]] constexpr std::size_t plane_of(channel_order order, std::size_t channel) noexcept {
  return order == channel_order::bgr ? 2 - channel : channel;
}

/// From planes of red, green and blue to what a network takes.
/// @param values of one plane
void to_channels(const float* planes, std::size_t values, channel_order order, const value_scale& scale, float* channels);

/// What a network made, and the picture that it was made from.
struct made_channels {
  const float* channels = nullptr;  ///< `scale` times as wide and high
  const float* original = nullptr;  ///< planes of red, green and blue
  int width = 0;                    ///< of the original, as the next
  int height = 0;
  int scale = 1;
};

/// Values of one channel as those of its plane.
void scale_back(const float* from, std::size_t values, const value_scale& scale, std::size_t channel, float* to);

/// And back. Where the network made only brightness, the original's colours are added.
void from_channels(const made_channels& made, channel_order order, const value_scale& scale, float* planes);

}  // namespace troupe::gpu
