#pragma once

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/units.hpp"
#include "media/audio_feed.hpp"
#include "media/timed_reader.hpp"
#include "media/writer.hpp"

namespace troupe::media::detail {

/// A frame on its way to the encoder, in the source's clock.
struct finished_frame {
  frame_ptr picture;
  std::int64_t at = 0;
  std::int64_t lasts = 1;
};

/// Writes other frames in place of a video's, and its sound up to them.
class video_sink {
 public:
  struct settings {
    int width = 0;
    int height = 0;
    AVColorSpace matrix = AVCOL_SPC_BT709;
    AVRational pixel_aspect{1, 1};
    int threads = 1;
    bool is_silent = false;  ///< whatever the video has
  };
  /// @param video the first frame of which was read
  /// @param input its file
  static result<video_sink> open(const settings& with, const std::filesystem::path& mp4_out, const timed_reader& video,
                                 const std::filesystem::path& input);

  /// A frame lasts until the next one comes, so it is written then.
  result<void> write(finished_frame frame);
  /// @param end when the last frame's time is over, if the file says so
  result<void> finish(std::optional<std::int64_t> end);

  [[nodiscard]] std::uint64_t frames() const { return static_cast<std::uint64_t>(writer_.video_frames()); }
  [[nodiscard]] duration length() const { return duration{av_rescale_q(end_, clock_, {1, 1000})}; }

 private:
  video_sink(media_writer writer, std::optional<audio_feed> sound, AVRational clock)
      : writer_(std::move(writer)), sound_(std::move(sound)), clock_(clock) {}
  result<void> write_held(std::int64_t until);
  result<void> write_sound(std::int64_t until);

  media_writer writer_;
  std::optional<audio_feed> sound_;
  AVRational clock_;
  std::optional<finished_frame> held_;
  std::int64_t end_ = 0;  ///< of what is written
};

/// About as many bytes as the encoder keeps, most of them of frames that it looks ahead to: measured on 3840 x 2160 pixels with
/// `model_video encode` (docs/performance.md), 2 and 8 threads.
[[nodiscard]] constexpr std::uint64_t encoder_memory(int width, int height, int threads) {
  return static_cast<std::uint64_t>(74 + 9 * std::clamp(threads, 1, media_writer::threads_max))
         * static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height);
}

}  // namespace troupe::media::detail
