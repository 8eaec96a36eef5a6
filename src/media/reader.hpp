#pragma once

#include <atomic>
#include <cstdio>
#include <filesystem>

#include "media/libav.hpp"

namespace troupe::media::detail {

/// Pictures and video frames of more pixels are refused before memory is taken for them.
constexpr std::int64_t pixels_max = 100'000'000;
/// No output is longer: a bound for files whose timestamps lie.
constexpr std::int64_t media_seconds_max = 6 * 3600;

enum class media_kind { picture, video, audio };

/// The role of a file of a kind, named for error messages ("the picture", "clip 2").
[[nodiscard]] file_role role_of(media_kind kind, std::string name);

/// Decodes the best stream of one kind from a user's file. What the file is is found from its content, never from its name;
/// only well-known formats are opened, none of which can refer to other files or addresses.
class media_reader {
 public:
  static constexpr int threads_max = 8;
  static result<media_reader> open(const std::filesystem::path& path, media_kind kind, file_role role, int threads);

  /// The kind of a file's format; an MP4 counts as video though it may hold only sound.
  static result<media_kind> identify(const std::filesystem::path& path, file_role role);

  /// @returns the next frame, its timestamp in `time_base()`, or null at the end.
  result<frame_ptr> next();

  [[nodiscard]] AVRational time_base() const noexcept { return stream_->time_base; }
  [[nodiscard]] const AVStream& stream() const noexcept { return *stream_; }
  [[nodiscard]] AVFormatContext& format() const noexcept { return *demuxer_; }
  [[nodiscard]] const AVCodecContext& codec() const noexcept { return *codec_; }
  /// Frames a second of a video, between 1 and 120; 30 where the file does not say.
  [[nodiscard]] AVRational frame_rate() const noexcept;
  [[nodiscard]] const file_role& role() const noexcept { return role_; }

 private:
  struct file_close {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  /// The size of a frame that was too large, else 0. Set by the decoder's allocator, which may run in another thread.
  struct size_guard {
    std::atomic<int> width = 0;
    std::atomic<int> height = 0;
  };

  media_reader() = default;
  result<const AVInputFormat*> open_file(const std::filesystem::path& path);
  result<void> open_demuxer(const std::filesystem::path& path, media_kind kind);
  result<void> open_decoder(media_kind kind, int threads);
  result<bool> feed();
  error decode_error(int code) const;
  static int allocate(AVCodecContext* codec, AVFrame* frame, int flags);

  // In this order: each is used by the ones below until they are gone.
  file_role role_;
  std::unique_ptr<std::FILE, file_close> file_;
  io_ptr io_;
  demuxer_ptr demuxer_;
  std::unique_ptr<size_guard> guard_;
  codec_ptr codec_;
  AVStream* stream_ = nullptr;
  packet_ptr packet_;
  bool strict_ = false;
  bool drained_ = false;
};

}  // namespace troupe::media::detail
