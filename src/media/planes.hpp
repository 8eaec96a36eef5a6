#pragma once

#include "media/graph.hpp"

namespace troupe::media::detail {

/// From decoded frames to red, green and blue as floats (GBRPF32), upright, their times kept.
class float_maker {
 public:
  /// @param matrix how a player turns the frames, or null
  /// @param is_even an odd last column or row is cut off
  static result<float_maker> open(const AVFrame& first, AVRational time_base, const std::int32_t* matrix, bool is_even);
  /// The same, as large as is needed to fill a size; what reaches beyond it is cut off.
  static result<float_maker> open_filling(const AVFrame& first, AVRational time_base, const std::int32_t* matrix, int width,
                                          int height);
  result<frame_ptr> convert(AVFrame& frame);

 private:
  filter_graph graph_;
  AVFilterContext* entrance_ = nullptr;
  AVFilterContext* exit_ = nullptr;
};

/// From floats (GBRPF32) to what is encoded.
class float_taker {
 public:
  /// 8-bit 4:2:0, limited range.
  static result<float_taker> to_video(const AVFrame& first, AVColorSpace matrix);
  /// 8-bit RGB.
  static result<float_taker> to_picture(const AVFrame& first);
  result<frame_ptr> convert(AVFrame& frame);

 private:
  static result<float_taker> open(const AVFrame& first, const filter_step& scale, const char* format);
  filter_graph graph_;
  AVFilterContext* entrance_ = nullptr;
  AVFilterContext* exit_ = nullptr;
};

/// The three planes of a GBRPF32 frame as red, green, blue, without gaps between rows; and back.
void copy_planes(const AVFrame& from, float* to);
void copy_planes(const float* from, AVFrame& to);
/// One plane as all three of them.
void copy_grey(const float* from, AVFrame& to);

}  // namespace troupe::media::detail
