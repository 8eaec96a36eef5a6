#include "media/compose.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "media/audio_feed.hpp"
#include "media/clip_feed.hpp"
#include "media/progress_meter.hpp"
#include "media/subtitles.hpp"
#include "media/writer.hpp"

namespace troupe::media {

namespace {

using namespace detail;

constexpr std::size_t title_letters_max = 300;
constexpr std::size_t captions_bytes_max = 50'000;

result<void> check(const compose_options& options) {
  if (length_of(options.title) > title_letters_max)
    return error{errc::bad_request, fmt::format("the title has {} characters; accepted are {} at most", length_of(options.title),
                                                title_letters_max)};
  if (options.captions.size() > captions_bytes_max)
    return error{errc::bad_request,
                 fmt::format("the captions have {} bytes; accepted are {} at most", options.captions.size(), captions_bytes_max)};
  return {};
}

duration time_of(std::int64_t frame, AVRational rate) {
  return duration{av_rescale(frame, std::int64_t{rate.den} * 1000, rate.num)};
}

/// Everything that is open while a video is composed.
struct workplace {
  clip_feed clip;
  audio_feed sound;
  media_writer writer;
  subtitles words;
  frame_ptr last = nullptr;  ///< the clip's latest frame, without words

  result<void> write_frame(duration at) {
    TROUPE_TRY(auto next, clip.next());
    if (next) last = std::move(next);
    if (!last) return refuse(clip.role(), "holds no frame that can be decoded");
    const frame_ptr frame{needed(av_frame_clone(last.get()))};
    if (words.is_visible(at)) {
      if (av_frame_make_writable(frame.get()) < 0) throw std::bad_alloc();
      TROUPE_CHECK(words.draw_on(*frame, at));
    }
    return writer.write_video(*frame);
  }

  /// Writes sound until it reaches a place, or its end.
  result<void> write_sound(std::int64_t until) {
    while (writer.audio_samples() < until) {
      TROUPE_TRY(const auto piece, sound.read(writer.audio_frame_size()));
      if (!piece) return {};
      TROUPE_CHECK(writer.write_audio(*piece));
    }
    return {};
  }
};

result<workplace> open_all(const compose_options& options, const std::filesystem::path& mp4_out, duration length) {
  TROUPE_TRY(auto clip, clip_feed::open(options.clip, role_of(media_kind::video, "the clip"), std::nullopt, options.threads));
  TROUPE_TRY(auto sound, audio_feed::open(options.audio, role_of(media_kind::audio, "the audio")));
  const auto shape = clip.shape();
  TROUPE_TRY(auto words,
             subtitles::make({clean_utf8(options.title), clean_utf8(options.captions), length, shape.width, shape.height}));
  TROUPE_TRY(auto writer, media_writer::create(mp4_out, media_writer::container::mp4));
  TROUPE_CHECK(writer.add_video(
      {.width = shape.width, .height = shape.height, .frame_rate = shape.frame_rate, .threads = options.threads}));
  TROUPE_CHECK(writer.add_audio({}));
  TROUPE_CHECK(writer.start());
  return workplace{std::move(clip), std::move(sound), std::move(writer), std::move(words)};
}

}  // namespace

result<compose_result> compose(const compose_options& options, const std::filesystem::path& mp4_out, const progress_fn& report) {
  return guarded([&]() -> result<compose_result> {
    TROUPE_CHECK(check(options));
    // Titles and captions are spread over the length, so it must be known before the first frame.
    progress_meter listening(report, 0);
    TROUPE_TRY(const auto samples,
               count_samples(options.audio, role_of(media_kind::audio, "the audio"), [&] { listening.alive(); }));
    const duration length{(samples * 1000 + audio_feed::sample_rate / 2) / audio_feed::sample_rate};
    TROUPE_TRY(auto all, open_all(options, mp4_out, length));
    const auto shape = all.clip.shape();
    const auto total = std::max<std::int64_t>(
        1, av_rescale(samples, shape.frame_rate.num, std::int64_t{shape.frame_rate.den} * audio_feed::sample_rate));
    progress_meter progress(report, static_cast<std::uint64_t>(total));
    for (std::int64_t i = 0; i < total; ++i) {
      TROUPE_CHECK(all.write_frame(time_of(i, shape.frame_rate)));
      TROUPE_CHECK(
          all.write_sound(av_rescale(i + 1, std::int64_t{shape.frame_rate.den} * audio_feed::sample_rate, shape.frame_rate.num)));
      progress.at(static_cast<std::uint64_t>(i) + 1);
    }
    TROUPE_CHECK(all.write_sound(samples));
    TROUPE_CHECK(all.writer.finish());
    progress.finish();
    return compose_result{
        .frames = static_cast<std::uint64_t>(total), .length = length, .width = shape.width, .height = shape.height};
  });
}

}  // namespace troupe::media
