#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/error.hpp"
#include "base/units.hpp"
#include "media/progress.hpp"

namespace troupe::media {

struct compose_options {
  std::filesystem::path clip;
  std::filesystem::path audio;
  std::string title;     ///< UTF-8, may be empty; shown at the top for the first seconds; at most 300 characters
  std::string captions;  ///< UTF-8, may be empty; the spoken text, shown in pieces over the whole length; at most 50,000 bytes
  int threads = 2;
};

struct compose_result {
  std::uint64_t frames = 0;
  duration length{};  ///< of the sound; the video differs by less than a frame
  int width = 0;
  int height = 0;
};

/// Joins a clip and a sound to an MP4 (H.264 High 4:2:0, AAC 48 kHz stereo, index in front) with title and captions. The video
/// is as long as the sound: a longer clip is cut, of a shorter one the last frame stands still. The clip's own sound is dropped.
/// @returns `bad_request` when a file is not what it should be or damaged, or a text is too long.
[[nodiscard]] result<compose_result> compose(const compose_options& options, const std::filesystem::path& mp4_out,
                                             const progress_fn& report);

}  // namespace troupe::media
