#pragma once

#include <filesystem>
#include <optional>

#include "media/graph.hpp"
#include "media/timed_reader.hpp"

namespace troupe::media::detail {

/// The shape of frames: all frames of an output have one.
struct clip_shape {
  int width = 0;
  int height = 0;
  AVRational frame_rate{30, 1};
};

/// Any clip as upright frames at an even pace: 8-bit 4:2:0, BT.709, square pixels.
class clip_feed {
 public:
  /// @param wanted the shape of the frames, into which the clip is fitted with black bars; without it the clip's own shape,
  ///               made even.
  static result<clip_feed> open(const std::filesystem::path& path, file_role role, std::optional<clip_shape> wanted, int threads);
  /// @returns the next frame or null at the end; a clip without any frame is an error.
  result<frame_ptr> next();
  [[nodiscard]] const clip_shape& shape() const noexcept { return shape_; }
  [[nodiscard]] const file_role& role() const noexcept { return frames_.role(); }
  /// By the file's own word, for progress only; 0 where it does not say.
  [[nodiscard]] std::int64_t frames_promised() const noexcept;

 private:
  explicit clip_feed(timed_reader frames) : frames_(std::move(frames)) {}
  result<void> start(AVFrame& first, const std::optional<clip_shape>& wanted, int threads);
  result<void> push(frame_ptr frame);

  timed_reader frames_;
  filter_graph graph_;
  AVFilterContext* entrance_ = nullptr;
  AVFilterContext* exit_ = nullptr;
  clip_shape shape_;
  std::int64_t end_ = 0;  ///< of the latest frame, from the start, in the reader's time base
  std::int64_t given_ = 0;
  bool file_ended_ = false;
};

}  // namespace troupe::media::detail
