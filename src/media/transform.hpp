#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>

#include "base/error.hpp"
#include "base/units.hpp"
#include "media/progress.hpp"

namespace troupe::media {

/// Pictures of one size, as planes of red, then green, then blue, each row by row without gaps: numbers from 0 to 1 that grow as
/// the bytes of an ordinary picture do (they are not linear light).
struct picture_batch {
  std::size_t count = 0;
  int width = 0;
  int height = 0;
  const float* in = nullptr;  ///< count * 3 planes of width * height
  float* out = nullptr;       ///< count * 3 planes of the new size, to be filled; what is outside of 0 to 1 is cut
  float* second = nullptr;    ///< the same, one plane each, where a second, grey video or picture is wanted
  const std::chrono::microseconds* at = nullptr;  ///< when each is shown, from the start of the video
};

/// Makes other pictures of pictures. Called from the thread that runs the function, one batch after the other.
using picture_fn = std::function<result<void>(const picture_batch&)>;

/// What will lie in memory.
struct transform_plan {
  int width = 0;  ///< of the pictures that go in, as the next
  int height = 0;
  std::size_t batch = 1;     ///< pictures in one call, at most
  std::uint64_t memory = 0;  ///< bytes of pictures: as numbers, and what decoder and encoder keep
};

struct transform_options {
  std::filesystem::path input;
  int scale = 1;               ///< the new sides are so many times the old ones; 1 to 8
  std::size_t batch_most = 1;  ///< pictures in one call
  int threads = 2;             ///< of decoder and encoder
  /// Where a second, grey one of the same frames goes, as an MP4 or PNG like the first, without sound; empty: nowhere.
  std::filesystem::path second_out = {};
  /// Called once, before memory is taken for pictures. An error ends the work.
  std::function<result<void>(const transform_plan&)> before = {};
};

struct transform_result {
  std::uint64_t frames = 0;
  duration length{};  ///< of the video; 0 of a picture
  int width = 0;
  int height = 0;
};

/// Sends each frame of a video through a function and makes an MP4 (H.264 High 4:2:0) of what comes out. Frames keep their number
/// and times, also where they come at an uneven pace; sound is kept, in time with the video, as AAC 48 kHz stereo. A turned video
/// is turned upright. While the function works, other frames are decoded and encoded; a few are in memory at once. An odd last
/// column or row is left out where the new sides would be odd.
/// @returns `bad_request` when the file is no video, is damaged, or would become larger than 7680 pixels on a side or 35
/// megapixels;
///          what `how` returns, when that is an error.
[[nodiscard]] result<transform_result> transform_video(const transform_options& options, const std::filesystem::path& mp4_out,
                                                       const picture_fn& how, const progress_fn& report);

/// The same for a picture, which becomes a PNG of 8 bits for each colour; transparent parts lie on white.
/// @returns `bad_request` as above, or when the new picture would have more than 100 megapixels.
[[nodiscard]] result<transform_result> transform_picture(const transform_options& options, const std::filesystem::path& png_out,
                                                         const picture_fn& how, const progress_fn& report);

}  // namespace troupe::media
