#pragma once

#include <cstdint>

namespace troupe::gpu {

/// How a picture becomes one of the size that a network takes.
enum class fit_rule : std::uint8_t {
  stretch,    ///< each axis by itself; shapes change
  letterbox,  ///< whole, in the middle, shapes kept; what is left over is filled
  crop        ///< fills the size, shapes kept; what reaches beyond it is cut off, the same on both sides
};

/// Where a picture, or the middle of it, lands in a picture of another size.
struct fit_plan {
  int from_width = 0, from_height = 0;  ///< of the picture
  int width = 0, height = 0;            ///< of the other one
  float from_left = 0, from_top = 0;    ///< the part of the picture that is used, in its pixels
  float from_across = 0, from_down = 0;
  int left = 0, top = 0;  ///< and where that stands
  int across = 0, down = 0;
};

[[nodiscard]] fit_plan plan_fit(int from_width, int from_height, int width, int height, fit_rule rule);

/// One plane of the picture in the other size, each value a weighted mean of those around it (triangles, as wide as a pixel of
/// the smaller of the two). @param fill what stands where the picture does not reach
void fit_plane(const float* plane, const fit_plan& plan, float fill, float* to);
/// And back: one plane of the other size as the picture's. What was cut off is like its nearest neighbour.
void unfit_plane(const float* plane, const fit_plan& plan, float* to);

}  // namespace troupe::gpu
