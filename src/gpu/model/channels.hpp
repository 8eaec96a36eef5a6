#pragma once

#include <cstddef>

#include "gpu/model/description.hpp"

namespace troupe::gpu {

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

/// And back. Where the network made only brightness, the original's colours are added.
void from_channels(const made_channels& made, channel_order order, const value_scale& scale, float* planes);

}  // namespace troupe::gpu
