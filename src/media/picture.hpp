#pragma once

#include <filesystem>

#include "media/libav.hpp"

namespace troupe::media::detail {

/// The first picture of a user's picture file: opaque, upright (its EXIF rotation applied), at most 24 megapixels.
result<frame_ptr> load_picture(const std::filesystem::path& path, const file_role& role);

/// Fits a picture into a frame without distortion, as 8-bit 4:2:0 BT.709: a picture of nearly the frame's shape is cut to fill
/// it; another one is shown whole before an enlarged, blurred and darkened copy of itself.
result<frame_ptr> fit_picture(AVFrame& picture, int width, int height);

}  // namespace troupe::media::detail
