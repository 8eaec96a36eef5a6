#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "media/graph.hpp"
#include "media/reader.hpp"
#include "media/timed_reader.hpp"

namespace troupe::media::detail {

/// Any sound file as 48 kHz stereo in floats, in pieces of the size that one asks for.
class audio_feed {
 public:
  static constexpr int sample_rate = 48'000;
  static constexpr int channels = 2;

  static result<audio_feed> open(const std::filesystem::path& path, file_role role);
  /// The sound as it is heard from a moment of the file's clock on: what comes before is left out, silence fills gaps.
  static result<audio_feed> open_from(file_time start, const std::filesystem::path& path, file_role role);
  /// @returns a frame of exactly `samples` (> 0), of fewer at the end, or null after it.
  result<frame_ptr> read(int samples);

 private:
  explicit audio_feed(media_reader reader);
  result<void> start(const AVFrame& first);
  [[nodiscard]] bool is_like_first(const AVFrame& frame) const;
  [[nodiscard]] std::int64_t gap_before(const AVFrame& frame) const;
  result<frame_ptr> next_in_time();
  result<void> fill();
  result<void> store(const AVFrame& piece);

  media_reader reader_;
  filter_graph graph_;
  AVFilterContext* entrance_ = nullptr;
  AVFilterContext* exit_ = nullptr;
  fifo_ptr fifo_;
  int sample_rate_ = 0;  ///< of the file, as the next two
  int channel_count_ = 0;
  int sample_format_ = AV_SAMPLE_FMT_NONE;
  std::int64_t stored_ = 0;
  std::optional<file_time> origin_;  ///< where the file's clock counts; else the samples do
  frame_ptr held_;                   ///< decoded, its time has not come
  std::int64_t given_ = 0;           ///< samples of the file, silence included
  bool file_ended_ = false;
};

/// How many samples (at `audio_feed::sample_rate`) a file holds, counted by decoding it: headers can lie.
/// @param tick called between pieces of work.
result<std::int64_t> count_samples(const std::filesystem::path& path, const file_role& role, const std::function<void()>& tick);

/// `samples` of silence in the feed's format.
[[nodiscard]] frame_ptr make_silence(int samples);

}  // namespace troupe::media::detail
