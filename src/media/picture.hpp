#pragma once

#include <filesystem>

#include "media/libav.hpp"

namespace troupe::media::detail {

/// What pictures are made smaller to where nobody would see the difference.
constexpr std::int64_t working_pixels_max = 24'000'000;

/// The first picture of a user's picture file: opaque, upright (its EXIF rotation applied).
/// @param pixels_most a larger one is made smaller
result<frame_ptr> load_picture(const std::filesystem::path& path, const file_role& role,
                               std::int64_t pixels_most = working_pixels_max);

/// Fits a picture into a frame without distortion, as 8-bit 4:2:0 BT.709: a picture of nearly the frame's shape is cut to fill
/// it; another one is shown whole before an enlarged, blurred and darkened copy of itself.
result<frame_ptr> fit_picture(AVFrame& picture, int width, int height);

}  // namespace troupe::media::detail
