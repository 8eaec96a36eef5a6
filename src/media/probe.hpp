#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/error.hpp"
#include "base/units.hpp"

namespace troupe::media {

enum class file_kind : std::uint8_t { image, audio, video };
[[nodiscard]] const char* to_string(file_kind kind) noexcept;

/// What a media file says it is. What it does not have is empty or 0.
struct media_facts {
  file_kind kind = file_kind::video;
  std::string container;    ///< libav's short name, as "mov,mp4,m4a,3gp,3g2,mj2" or "png_pipe"
  duration length{};        ///< of the longest stream, by the header
  std::string video_codec;  ///< "h264", "png", ...
  int width = 0;            ///< as stored, before any rotation
  int height = 0;
  double frame_rate = 0;     ///< a second
  std::uint64_t frames = 0;  ///< of the video, where the header counts them
  duration video_length{};
  std::string audio_codec;  ///< "aac", "pcm_s16le", ...
  int sample_rate = 0;      ///< Hz
  int channels = 0;
  duration audio_length{};
};

/// Looks at a file's header (and a first frame where the header is not enough).
/// @returns `bad_request` for what is no picture, sound or video of a known kind; `not_found` where there is no file.
[[nodiscard]] result<media_facts> probe(const std::filesystem::path& path);

}  // namespace troupe::media
