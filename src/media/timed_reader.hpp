#pragma once

#include <algorithm>
#include <filesystem>
#include <optional>

#include "media/reader.hpp"

namespace troupe::media::detail {

/// A moment of a file's own clock.
struct file_time {
  std::int64_t at = 0;
  AVRational base{1, 1};
};

/// The decoded frames of a video, all of one shape. `pts` counts from the first frame in `reader().time_base()` and
/// `pkt_duration` is how long a frame is shown; how colours are coded is said.
class timed_reader {
 public:
  static result<timed_reader> open(const std::filesystem::path& path, file_role role, int threads);
  /// @returns the next frame, or null at the end. A change of size or format midway and a frame without a time are refused.
  result<frame_ptr> next();
  [[nodiscard]] media_reader& reader() noexcept { return reader_; }
  [[nodiscard]] const media_reader& reader() const noexcept { return reader_; }
  [[nodiscard]] const file_role& role() const noexcept { return reader_.role(); }
  /// When the first frame stands in the file; known after it was read.
  [[nodiscard]] file_time start() const noexcept { return {start_.value_or(0), reader_.time_base()}; }
  /// When the last frame's time is over, counted as `pts` is, by the file's own word; nothing where it does not say.
  [[nodiscard]] std::optional<std::int64_t> end() const noexcept;
  /// How a player turns the frames, or null.
  [[nodiscard]] const std::int32_t* display_matrix() const noexcept;
  /// How long all frames are, by the file's own word; 0 where it does not say. At most `media_seconds_max`.
  [[nodiscard]] std::int64_t microseconds_promised() const noexcept;

 private:
  explicit timed_reader(media_reader reader) : reader_(std::move(reader)) {}

  media_reader reader_;
  std::optional<std::int64_t> start_;
  int width_ = 0;
  int height_ = 0;
  int format_ = AV_PIX_FMT_NONE;
};

/// About as many bytes as a decoder of H.264 keeps: measured on 3840 x 2160 pixels with `model_video decode FILE THREADS`
/// (docs/performance.md), 2 and 8 threads.
[[nodiscard]] constexpr std::uint64_t decoder_memory(int width, int height, int threads) {
  return static_cast<std::uint64_t>(8 + 5 * std::clamp(threads, 1, media_reader::threads_max)) * static_cast<std::uint64_t>(width)
         * static_cast<std::uint64_t>(height);
}

}  // namespace troupe::media::detail
