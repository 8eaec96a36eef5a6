#pragma once

#include <cstdint>
#include <filesystem>

#include "base/error.hpp"
#include "base/units.hpp"
#include "media/progress.hpp"

namespace troupe::media {

struct still_options {
  std::filesystem::path image;
  duration length{};   ///< 1 ms to 6 hours; rounded to whole frames, at least one
  int width = 1280;    ///< even, 16 to 7680
  int height = 720;    ///< even, 16 to 7680
  int fps = 30;        ///< 1 to 120
  double zoom = 1.15;  ///< 1 to 3: the picture grows slowly from 1 to this
  int threads = 2;
};

struct still_result {
  std::uint64_t frames = 0;
  duration length{};
};

/// Makes a silent H.264 clip of a picture, which is fitted without distortion and slowly zoomed.
/// @returns `bad_request` when the file is no picture, is damaged or too large (100 megapixels), or an option is out of range.
[[nodiscard]] result<still_result> still(const still_options& options, const std::filesystem::path& mp4_out,
                                         const progress_fn& report);

}  // namespace troupe::media
