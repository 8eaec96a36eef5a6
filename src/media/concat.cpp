#include "media/concat.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <deque>

#include "media/audio_feed.hpp"
#include "media/clip_feed.hpp"
#include "media/crossfade.hpp"
#include "media/progress_meter.hpp"
#include "media/words.hpp"
#include "media/writer.hpp"

namespace troupe::media {

namespace {

using namespace detail;

constexpr std::size_t clips_max = 200;
constexpr auto transition_max = 5s;
/// Frames of both sides of a transition are in memory at once.
constexpr std::int64_t transition_bytes_max = std::int64_t{1} << 30;
/// The sound is written this far behind the video: its fade begins before the video's end is known.
constexpr std::int64_t sound_delay = audio_feed::sample_rate * 2;
constexpr std::int64_t sound_fade = audio_feed::sample_rate * 3 / 2;

error refuse_option(std::string detail) { return {errc::bad_request, std::move(detail)}; }

result<void> check(const concat_options& options) {
  if (options.clips.empty() || options.clips.size() > clips_max)
    return refuse_option(fmt::format("{} clips were given; accepted are 1 to {}", options.clips.size(), clips_max));
  if (options.transition < 0ms || options.transition > transition_max)
    return refuse_option(fmt::format("the transition lasts {} ms; accepted are 0 to {} ms", options.transition.count(),
                                     duration{transition_max}.count()));
  const auto effects = crossfade_effects();
  if (std::find(effects.begin(), effects.end(), options.effect) == effects.end())
    return refuse_option(
        fmt::format("the effect '{}' is unknown; accepted are {}", clean_utf8(options.effect), fmt::join(effects, ", ")));
  return {};
}

/// The output's sound: a file, then silence, never longer than the video.
class sound_track {
 public:
  sound_track(audio_feed feed, media_writer& writer) : feed_(std::move(feed)), writer_(&writer) {}

  /// Writes up to a place that is at least `sound_delay` before the end.
  result<void> advance(std::int64_t until) {
    while (writer_->audio_samples() + writer_->audio_frame_size() <= until) {
      TROUPE_CHECK(write(writer_->audio_frame_size(), std::nullopt));
    }
    return {};
  }

  /// Writes the rest, with the fade.
  result<void> finish(std::int64_t end) {
    while (writer_->audio_samples() < end) {
      const auto rest = std::min<std::int64_t>(writer_->audio_frame_size(), end - writer_->audio_samples());
      TROUPE_CHECK(write(static_cast<int>(rest), end));
    }
    return {};
  }

 private:
  result<void> write(int samples, std::optional<std::int64_t> end) {
    auto frame = make_silence(samples);
    TROUPE_TRY(const auto heard, feed_.read(samples));
    for (int channel = 0; heard && channel < audio_feed::channels; ++channel) {
      const auto* from = reinterpret_cast<const float*>(heard->extended_data[channel]);
      auto* to = reinterpret_cast<float*>(frame->extended_data[channel]);
      for (int i = 0; i < heard->nb_samples; ++i) to[i] = from[i] * gain(writer_->audio_samples() + i, end);
    }
    return writer_->write_audio(*frame);
  }

  static float gain(std::int64_t at, std::optional<std::int64_t> end) {
    if (!end) return 1;
    const auto fade = std::min(sound_fade, *end);
    return std::clamp(static_cast<float>(*end - at) / static_cast<float>(fade), 0.0F, 1.0F);
  }

  audio_feed feed_;
  media_writer* writer_;
};

/// The video that grows clip by clip. The newest frames are held back: they belong to the next transition.
class joined_video {
 public:
  joined_video(const concat_options& options, std::int64_t transition, const clip_shape& shape, media_writer& writer,
               std::optional<sound_track>& sound, progress_meter& progress)
      : options_(options), transition_(transition), shape_(shape), writer_(writer), sound_(sound), progress_(progress) {}

  result<void> append(clip_feed clip, bool is_last) {
    std::int64_t count = 0;
    if (!held_.empty()) TROUPE_CHECK(blend_into(clip, count));
    for (;;) {
      TROUPE_TRY(auto frame, clip.next());
      if (!frame) break;
      ++count;
      held_.push_back(std::move(frame));
      if (is_last || static_cast<std::int64_t>(held_.size()) > transition_) TROUPE_CHECK(release());
    }
    if (count == 0) return refuse(clip.role(), "holds no frame that can be decoded");
    if (!is_last && static_cast<std::int64_t>(held_.size()) < transition_) return too_short(clip, count);
    return {};
  }

  [[nodiscard]] std::int64_t samples() const {
    return av_rescale(writer_.video_frames(), std::int64_t{shape_.frame_rate.den} * audio_feed::sample_rate,
                      shape_.frame_rate.num);
  }

 private:
  result<void> blend_into(clip_feed& clip, std::int64_t& count) {
    std::vector<frame_ptr> opening;
    while (opening.size() < held_.size()) {
      TROUPE_TRY(auto frame, clip.next());
      if (!frame) return too_short(clip, static_cast<std::int64_t>(opening.size()));
      opening.push_back(std::move(frame));
    }
    count = static_cast<std::int64_t>(opening.size());
    TROUPE_TRY(auto blended, crossfade(held_, opening, options_.effect, shape_.frame_rate, options_.threads));
    held_.clear();
    for (auto& frame : blended) {
      held_.push_back(std::move(frame));
      TROUPE_CHECK(release());
    }
    return {};
  }

  result<void> release() {
    TROUPE_CHECK(writer_.write_video(*held_.front()));
    held_.pop_front();
    progress_.at(static_cast<std::uint64_t>(writer_.video_frames()));
    if (sound_) TROUPE_CHECK(sound_->advance(samples() - sound_delay));
    return {};
  }

  [[nodiscard]] error too_short(const clip_feed& clip, std::int64_t frames) const {
    return refuse_option(
        fmt::format("{} has only {} frames, too few for transitions of {} frames; use longer clips or a shorter transition",
                    clip.role().name, frames, transition_));
  }

  const concat_options& options_;
  std::int64_t transition_;  ///< frames
  clip_shape shape_;
  media_writer& writer_;
  std::optional<sound_track>& sound_;
  progress_meter& progress_;
  std::deque<frame_ptr> held_;
};

file_role clip_role(std::size_t index) { return role_of(media_kind::video, fmt::format("clip {}", index + 1)); }

/// Frames that the output will have, as far as the headers tell; also finds unreadable clips before the work begins.
result<std::uint64_t> expect_frames(const concat_options& options, const clip_shape& shape, std::int64_t transition) {
  std::int64_t total = 0;
  for (std::size_t i = 0; i < options.clips.size(); ++i) {
    TROUPE_TRY(const auto clip, clip_feed::open(options.clips[i], clip_role(i), shape, 1));
    total += std::max<std::int64_t>(1, clip.frames_promised() - (i > 0 ? transition : 0));
  }
  return static_cast<std::uint64_t>(total);
}

}  // namespace

result<concat_result> concat(const concat_options& options, const std::filesystem::path& mp4_out, const progress_fn& report) {
  return guarded([&]() -> result<concat_result> {
    TROUPE_CHECK(check(options));
    TROUPE_TRY(auto first, clip_feed::open(options.clips.front(), clip_role(0), std::nullopt, options.threads));
    const auto shape = first.shape();
    const auto transition =
        av_rescale(options.transition.count(), shape.frame_rate.num, std::int64_t{shape.frame_rate.den} * 1000);
    if (transition * 2 * shape.width * shape.height * 3 / 2 > transition_bytes_max)
      return refuse_option("the transition needs too much memory for clips of this size; use a shorter one");
    TROUPE_TRY(const auto expected, expect_frames(options, shape, transition));
    progress_meter progress(report, expected);
    progress.at(0);

    TROUPE_TRY(auto writer, media_writer::create(mp4_out, media_writer::container::mp4));
    TROUPE_CHECK(writer.add_video(
        {.width = shape.width, .height = shape.height, .frame_rate = shape.frame_rate, .threads = options.threads}));
    std::optional<sound_track> sound;
    if (options.audio) {
      TROUPE_TRY(auto feed, audio_feed::open(*options.audio, role_of(media_kind::audio, "the audio")));
      TROUPE_CHECK(writer.add_audio({}));
      sound.emplace(std::move(feed), writer);
    }
    TROUPE_CHECK(writer.start());
    joined_video video(options, transition, shape, writer, sound, progress);
    for (std::size_t i = 0; i < options.clips.size(); ++i) {
      if (i > 0) {
        TROUPE_TRY(first, clip_feed::open(options.clips[i], clip_role(i), shape, options.threads));
      }
      TROUPE_CHECK(video.append(std::move(first), i + 1 == options.clips.size()));
    }
    if (sound) TROUPE_CHECK(sound->finish(video.samples()));
    const auto frames = writer.video_frames();
    TROUPE_CHECK(writer.finish());
    progress.finish();
    return concat_result{.frames = static_cast<std::uint64_t>(frames),
                         .length = duration{av_rescale(frames, std::int64_t{shape.frame_rate.den} * 1000, shape.frame_rate.num)}};
  });
}

}  // namespace troupe::media
