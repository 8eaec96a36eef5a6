#include "media/video_sink.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::media::detail {

namespace {

/// A last frame that is said to last longer than so many seconds is not believed.
constexpr std::int64_t last_seconds_max = 60;

bool has_sound(const media_reader& video) {
  const auto& format = video.format();
  return std::any_of(format.streams, format.streams + format.nb_streams,
                     [](const AVStream* stream) { return stream->codecpar->codec_type == AVMEDIA_TYPE_AUDIO; });
}

}  // namespace

result<video_sink> video_sink::open(const settings& with, const std::filesystem::path& mp4_out, const timed_reader& video,
                                    const std::filesystem::path& input) {
  std::optional<audio_feed> sound;
  if (!with.is_silent && has_sound(video.reader())) {
    TROUPE_TRY(auto feed, audio_feed::open_from(video.start(), input, role_of(media_kind::audio, "the sound of the video")));
    sound.emplace(std::move(feed));
  }
  const auto clock = video.reader().time_base();
  TROUPE_TRY(auto writer, media_writer::create(mp4_out, media_writer::container::mp4));
  TROUPE_CHECK(writer.add_video({.width = with.width,
                                 .height = with.height,
                                 .frame_rate = video.reader().frame_rate(),
                                 .threads = with.threads,
                                 .matrix = with.matrix,
                                 .time_base = clock,
                                 .pixel_aspect = with.pixel_aspect}));
  if (sound) TROUPE_CHECK(writer.add_audio({}));
  TROUPE_CHECK(writer.start());
  return video_sink(std::move(writer), std::move(sound), clock);
}

result<void> video_sink::write(finished_frame frame) {
  // A clock that stands still or runs back is set right by its smallest step.
  if (held_) frame.at = std::max(frame.at, held_->at + 1);
  if (held_) TROUPE_CHECK(write_held(frame.at));
  held_ = std::move(frame);
  return {};
}

result<void> video_sink::finish(std::optional<std::int64_t> end) {
  if (held_) {
    const auto own = held_->at + std::max<std::int64_t>(1, held_->lasts);
    const bool is_credible = end && *end > held_->at && av_rescale_q(*end - held_->at, clock_, {1, 1}) <= last_seconds_max;
    TROUPE_CHECK(write_held(is_credible ? *end : own));
  }
  TROUPE_CHECK(write_sound(INT64_MAX));
  return writer_.finish();
}

result<void> video_sink::write_held(std::int64_t until) {
  end_ = until;
  const auto seconds = av_rescale_q(end_, clock_, {1, 1});
  if (seconds > media_seconds_max)
    return error{errc::bad_request, fmt::format("the video is longer than {} hours", media_seconds_max / 3600)};
  TROUPE_CHECK(writer_.write_video(*held_->picture, held_->at, end_ - held_->at));
  return write_sound(av_rescale_q(end_, clock_, {1, audio_feed::sample_rate}));
}

result<void> video_sink::write_sound(std::int64_t until) {
  while (sound_ && writer_.audio_samples() < until) {
    TROUPE_TRY(const auto piece, sound_->read(writer_.audio_frame_size()));
    if (!piece) {
      sound_.reset();
      return {};
    }
    TROUPE_CHECK(writer_.write_audio(*piece));
  }
  return {};
}

}  // namespace troupe::media::detail
