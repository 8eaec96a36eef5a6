#pragma once

#include "media/graph.hpp"

namespace troupe::media::detail {

/// From decoded frames to red, green and blue as floats, upright. They are n / 255: libswscale makes 8 bits of colours exactly,
/// and loses up to a whole one of them where it makes floats or 16 bits (white is 0.996 then).
class float_maker {
 public:
  /// @param matrix how a player turns the frames, or null
  /// @param is_even an odd last column or row is cut off
  static result<float_maker> open(const AVFrame& first, AVRational time_base, const std::int32_t* matrix, bool is_even);
  /// The same, as large as is needed to fill a size; what reaches beyond it is cut off.
  static result<float_maker> open_filling(const AVFrame& first, AVRational time_base, const std::int32_t* matrix, int width,
                                          int height);
  /// Of the pictures that are made.
  [[nodiscard]] int width() const noexcept;
  [[nodiscard]] int height() const noexcept;
  [[nodiscard]] AVRational pixel_aspect() const noexcept;

  /// @param planes of red, then green, then blue, without gaps between rows: 3 * width * height numbers
  result<void> convert(AVFrame& frame, float* planes);

 private:
  filter_graph graph_;
  AVFilterContext* entrance_ = nullptr;
  AVFilterContext* exit_ = nullptr;
};

/// A picture as floats, each row by row without gaps. What is outside of 0 to 1 is cut, what is no number is 0.
struct colour_planes {
  const float* red = nullptr;
  const float* green = nullptr;
  const float* blue = nullptr;
  int width = 0;
  int height = 0;
};
/// @param values red, then green, then blue
[[nodiscard]] colour_planes colours_at(const float* values, int width, int height);
[[nodiscard]] colour_planes grey_at(const float* values, int width, int height);

/// As 8-bit 4:2:0 of limited range. Colours have their place where H.264 has it, at the left pixel and between two rows (ITU-T
/// H.264, chroma_sample_loc_type 0). Both sides are even.
/// @param matrix BT.709 or SMPTE 170M
/// @param to a writable yuv420p frame of the same size
void write_video_frame(const colour_planes& from, AVColorSpace matrix, AVFrame& to);
/// As packed 8-bit RGB.
[[nodiscard]] frame_ptr to_rgb_frame(const colour_planes& from);

}  // namespace troupe::media::detail
