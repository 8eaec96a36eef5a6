#pragma once

#include <chrono>
#include <filesystem>
#include <functional>

#include "base/error.hpp"
#include "media/progress.hpp"
#include "media/transform.hpp"

namespace troupe::media {

struct view_options {
  std::filesystem::path input;
  std::chrono::milliseconds every{};  ///< one frame of each such time, the first one of it; 0: all frames
  std::size_t batch_most = 1;         ///< pictures in one call
  int threads = 2;                    ///< of the decoder
  /// Called once, before memory is taken for pictures. An error ends the work.
  std::function<result<void>(const transform_plan&)> before = {};
};

/// Looks at pictures. Of a batch only `in` and `at` are set.
using view_fn = picture_fn;

/// Shows the frames of a video to a function; upright, of odd sides too.
/// @returns how many were shown, how long the video is, and the size; `bad_request` when the file is no video, is damaged or too
///          large (35 megapixels); what `how` returns, when that is an error.
[[nodiscard]] result<transform_result> view_video(const view_options& options, const view_fn& how, const progress_fn& report);
/// The same for a picture of up to 100 megapixels; a larger one is made smaller. Transparent parts lie on white.
[[nodiscard]] result<transform_result> view_picture(const view_options& options, const view_fn& how, const progress_fn& report);

}  // namespace troupe::media
