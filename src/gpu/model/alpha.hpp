#pragma once

#include <cstddef>
#include <span>

#include "gpu/model/boxes.hpp"

// What is done with mattes: how much of each pixel is foreground, from 0 to 1.
namespace troupe::gpu {

/// Lays a foreground over a background, in place.
/// @param alpha one value for each pixel
/// @param colours planes of the foreground; becomes the result
/// @param behind planes of the background
void lay_over(std::span<const float> alpha, std::span<float> colours, const float* behind);

/// From colours that are multiplied with alpha to the colours; what is all background becomes black.
void unmultiply(std::span<const float> alpha, std::span<float> colours);

/// Steadies a matte over frames: small changes follow at `share_least` of their size, larger ones faster, those from
/// `change_whole` on at once. Slow trembling goes away, and what moves leaves no trail (as the 1 Euro filter: Casiez et al., CHI
/// 2012).
/// @param before the frame before, as it was made steady
void steady(std::span<const float> before, std::span<float> alpha);
inline constexpr float share_least = 0.3F, change_whole = 0.3F;

/// Takes away what lies outside of all boxes.
/// @param alpha rows of a picture without gaps
void keep_inside(std::span<const box> boxes, int width, int height, std::span<float> alpha);

}  // namespace troupe::gpu
