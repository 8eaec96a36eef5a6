#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/units.hpp"
#include "media/progress.hpp"

namespace troupe::media {

struct concat_options {
  std::vector<std::filesystem::path> clips;  ///< 1 to 200, in order
  duration transition{};                     ///< 0 (hard cuts) to 5 s; each clip must last longer than its transitions
  std::string effect = "fade";  ///< a transition of libavfilter's xfade: fade, dissolve, wipeleft, slideup, circleopen, ...
  std::optional<std::filesystem::path> audio;
  int threads = 2;
};

struct concat_result {
  std::uint64_t frames = 0;
  duration length{};
};

/// Joins clips into one MP4. Size and frame rate are those of the first clip; others are fitted into it with black bars. With
/// `audio` the sound is cut or padded with silence to the video's length and fades out at the end; without it the result is
/// silent. The clips' own sound is dropped.
/// @returns `bad_request` when a file is not what it should be or damaged, a clip is too short for its transitions, or an
///          option is out of range.
[[nodiscard]] result<concat_result> concat(const concat_options& options, const std::filesystem::path& mp4_out,
                                           const progress_fn& report);

}  // namespace troupe::media
