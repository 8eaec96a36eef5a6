#pragma once

#include <vector>

#include "media/libav.hpp"

namespace troupe::media::detail {

/// Draws a picture zoomed about its centre, at any fraction of a pixel: libavfilter's zoompan moves by whole pixels and
/// jitters. Cubic (Catmull-Rom) sampling, so that sharpness does not pulse as the grid moves.
class zoomer {
 public:
  /// @param canvas a 4:2:0 picture of the shape of the output, as large or larger; it is kept.
  zoomer(frame_ptr canvas, int width, int height);
  /// @param zoom >= 1; 1 shows the whole canvas.
  [[nodiscard]] frame_ptr draw(double zoom);

 private:
  struct tap {
    int at;                   ///< first of four samples, already inside the padded row
    std::int16_t weights[4];  ///< sum 256
  };
  static std::vector<tap> taps_of(int source, int target, double zoom);
  void draw_plane(int plane, double zoom, AVFrame& out);

  frame_ptr canvas_;
  int width_;
  int height_;
  std::vector<std::int16_t> row_;
};

}  // namespace troupe::media::detail
