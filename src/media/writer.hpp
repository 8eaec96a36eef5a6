#pragma once

#include <filesystem>
#include <map>

#include "media/libav.hpp"

namespace troupe::media::detail {

struct video_settings {
  int width = 0;
  int height = 0;
  AVRational frame_rate{30, 1};
  int threads = 1;
  AVColorSpace matrix = AVCOL_SPC_BT709;
  AVRational time_base{0, 1};  ///< of frames that bring their own times; else they follow each other at the frame rate
  AVRational pixel_aspect{1, 1};
};

struct audio_settings {
  AVCodecID codec = AV_CODEC_ID_AAC;
  AVSampleFormat format = AV_SAMPLE_FMT_FLTP;
  int sample_rate = 48'000;
  int channels = 2;
};

/// Encodes and writes one output file. It is written beside its place and moved there by `finish`; a writer that goes away
/// unfinished leaves nothing. The same frames with the same number of threads give the same bytes where the width, rounded up to
/// 16, is a multiple of 128 (640, 1280, 1920). At other widths libx264 164 reads memory that it never wrote (with mbtree=0 it
/// does not, but files are larger): then a video may differ from its twin by up to a level or so in the mean of a frame. Seen
/// with `for p in 1 254; do MALLOC_PERTURB_=$p ffmpeg -v error -f lavfi -i mandelbrot=size=426x240 -t 1 -c:v libx264 -f md5 -;
/// done`.
class media_writer {
 public:
  enum class container { mp4, wav };
  static constexpr int threads_max = 32;

  static result<media_writer> create(const std::filesystem::path& path, container kind);
  media_writer(media_writer&&) noexcept = default;
  media_writer& operator=(media_writer&&) = delete;
  ~media_writer();

  /// H.264 High, 4:2:0, a key frame every two seconds.
  result<void> add_video(const video_settings& settings);
  result<void> add_audio(const audio_settings& settings);
  /// Call once, after the streams were added.
  result<void> start();
  /// Takes a frame in the settings' format; it lasts one tick of the frame rate.
  result<void> write_video(AVFrame& frame);
  /// The same for a frame with a time and a length of its own (at least 1), in the settings' time base. Times must rise.
  result<void> write_video(AVFrame& frame, std::int64_t at, std::int64_t lasts);
  /// Takes exactly `audio_frame_size()` samples (any number if that is 0); only the last frame may be shorter.
  result<void> write_audio(AVFrame& frame);
  [[nodiscard]] int audio_frame_size() const noexcept;
  [[nodiscard]] std::int64_t video_frames() const noexcept { return video_.written; }
  [[nodiscard]] std::int64_t audio_samples() const noexcept { return audio_.written; }
  /// Flushes the encoders, completes the file and moves it to its place.
  result<void> finish();

 private:
  struct track {
    codec_ptr codec;
    AVStream* stream = nullptr;
    std::int64_t written = 0;  ///< frames of video, samples of audio
  };

  media_writer() = default;
  result<void> open_encoder(track& to, const AVCodec& encoder, dictionary& options);
  result<void> encode(track& to, AVFrame* frame);

  std::filesystem::path path_;
  std::filesystem::path partial_;
  muxer_ptr muxer_;
  track video_;
  track audio_;
  std::map<std::int64_t, std::int64_t> lasts_;  ///< of frames that the encoder still has, by their times
  packet_ptr packet_;
};

}  // namespace troupe::media::detail
