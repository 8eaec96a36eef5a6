#include "media/audio_feed.hpp"

#include <fmt/format.h>

extern "C" {
#include <libavutil/channel_layout.h>
#include <libavutil/samplefmt.h>
}

#include <algorithm>
#include <cstdlib>

namespace troupe::media::detail {

namespace {
constexpr auto feed_format = AV_SAMPLE_FMT_FLTP;
/// Clocks of files are coarse; a gap of this length is no gap.
constexpr int gap_tolerated_ms = 20;

frame_ptr make_sound(int samples) {
  auto frame = make_frame();
  frame->nb_samples = samples;
  frame->format = feed_format;
  frame->sample_rate = audio_feed::sample_rate;
  av_channel_layout_default(&frame->ch_layout, audio_feed::channels);
  if (av_frame_get_buffer(frame.get(), 0) < 0) throw std::bad_alloc();
  return frame;
}

/// Silence in the format of another frame.
frame_ptr make_gap(const AVFrame& like, int samples) {
  auto frame = make_frame();
  frame->nb_samples = samples;
  frame->format = like.format;
  frame->sample_rate = like.sample_rate;
  if (av_channel_layout_copy(&frame->ch_layout, &like.ch_layout) < 0 || av_frame_get_buffer(frame.get(), 0) < 0)
    throw std::bad_alloc();
  av_samples_set_silence(frame->extended_data, 0, samples, frame->ch_layout.nb_channels,
                         static_cast<AVSampleFormat>(frame->format));
  return frame;
}

/// Takes samples away from the beginning of a frame.
void drop_front(AVFrame& frame, int samples) {
  const auto format = static_cast<AVSampleFormat>(frame.format);
  const int channels = frame.ch_layout.nb_channels;
  const bool is_planar = av_sample_fmt_is_planar(format) != 0;
  const auto offset = std::ptrdiff_t{samples} * av_get_bytes_per_sample(format) * (is_planar ? 1 : channels);
  for (int plane = 0; plane < (is_planar ? channels : 1); ++plane) {
    frame.extended_data[plane] += offset;
    if (frame.extended_data != frame.data && plane < AV_NUM_DATA_POINTERS) frame.data[plane] += offset;
  }
  frame.nb_samples -= samples;
}

std::string layout_name(const AVFrame& frame) {
  std::string name(128, '\0');
  av_channel_layout_describe(&frame.ch_layout, name.data(), name.size());
  name.resize(name.find('\0'));
  return name;
}
}  // namespace

frame_ptr make_silence(int samples) {
  auto frame = make_sound(samples);
  av_samples_set_silence(frame->extended_data, 0, samples, audio_feed::channels, feed_format);
  return frame;
}

audio_feed::audio_feed(media_reader reader)
    : reader_(std::move(reader)), fifo_(needed(av_audio_fifo_alloc(feed_format, channels, sample_rate))) {}

result<audio_feed> audio_feed::open(const std::filesystem::path& path, file_role role) {
  TROUPE_TRY(auto reader, media_reader::open(path, media_kind::audio, std::move(role), 1));
  return audio_feed(std::move(reader));
}

result<audio_feed> audio_feed::open_from(file_time start, const std::filesystem::path& path, file_role role) {
  TROUPE_TRY(auto feed, open(path, std::move(role)));
  feed.origin_ = start;
  return feed;
}

result<void> audio_feed::start(const AVFrame& first) {
  if (first.sample_rate <= 0 || first.ch_layout.nb_channels <= 0) return refuse(reader_.role(), "has no usable sound");
  sample_rate_ = first.sample_rate;
  channel_count_ = first.ch_layout.nb_channels;
  sample_format_ = first.format;
  TROUPE_TRY(entrance_, graph_.add("abuffer", {{"sample_fmt", av_get_sample_fmt_name(static_cast<AVSampleFormat>(first.format))},
                                               {"sample_rate", std::to_string(first.sample_rate)},
                                               {"channel_layout", layout_name(first)},
                                               {"time_base", fmt::format("1/{}", first.sample_rate)}}));
  TROUPE_TRY(auto* const resampled, graph_.add("aresample", {{"sample_rate", std::to_string(sample_rate)}}, entrance_));
  TROUPE_TRY(auto* const shaped, graph_.add("aformat",
                                            {{"sample_fmts", av_get_sample_fmt_name(feed_format)},
                                             {"sample_rates", std::to_string(sample_rate)},
                                             {"channel_layouts", "stereo"}},
                                            resampled));
  TROUPE_TRY(exit_, graph_.add("abuffersink", {}, shaped));
  return graph_.configure();
}

bool audio_feed::is_like_first(const AVFrame& frame) const {
  return frame.sample_rate == sample_rate_ && frame.ch_layout.nb_channels == channel_count_ && frame.format == sample_format_;
}

result<void> audio_feed::store(const AVFrame& piece) {
  stored_ += piece.nb_samples;
  if (stored_ > media_seconds_max * sample_rate)
    return refuse(reader_.role(), fmt::format("is longer than {} hours", media_seconds_max / 3600));
  const int wrote = av_audio_fifo_write(fifo_.get(), reinterpret_cast<void**>(piece.extended_data), piece.nb_samples);
  if (wrote < piece.nb_samples) throw std::bad_alloc();
  return {};
}

/// How many samples of the file's too few were given before this frame; negative: too many.
std::int64_t audio_feed::gap_before(const AVFrame& frame) const {
  if (!origin_ || frame.best_effort_timestamp == AV_NOPTS_VALUE) return 0;
  const AVRational tick{1, sample_rate_};
  const auto at =
      av_rescale_q(frame.best_effort_timestamp, reader_.time_base(), tick) - av_rescale_q(origin_->at, origin_->base, tick);
  const auto gap = at - given_;
  const auto tolerated = given_ == 0 ? 0 : sample_rate_ * gap_tolerated_ms / 1000;
  return std::abs(gap) > tolerated ? gap : 0;
}

/// Lets the next frame be the one that is to be heard next; a piece of the silence before it, or nothing if it comes too late.
result<frame_ptr> audio_feed::next_in_time() {
  if (!held_) {
    TROUPE_TRY(held_, reader_.next());
    if (!held_) return frame_ptr{};
    // A file may say how many channels it has and not which.
    if (held_->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC)
      av_channel_layout_default(&held_->ch_layout, held_->ch_layout.nb_channels);
    if (!exit_) TROUPE_CHECK(start(*held_));
    if (!is_like_first(*held_)) return refuse(reader_.role(), "changes its sample rate or channels midway");
  }
  const auto gap = gap_before(*held_);
  if (gap > 0) return make_gap(*held_, static_cast<int>(std::min<std::int64_t>(gap, sample_rate_)));
  auto frame = std::move(held_);
  if (gap < 0) drop_front(*frame, static_cast<int>(std::min<std::int64_t>(-gap, frame->nb_samples)));
  return frame;
}

/// Decodes a little more into the fifo, or marks the end.
result<void> audio_feed::fill() {
  TROUPE_TRY(auto frame, next_in_time());
  if (frame && frame->nb_samples == 0) return {};
  if (!frame) {
    file_ended_ = true;
    if (!exit_) return {};
  }
  // Timestamps are left to the resampler's count: what is heard is what was given.
  if (frame) {
    frame->pts = AV_NOPTS_VALUE;
    given_ += frame->nb_samples;
  }
  TROUPE_CHECK(filter_graph::push(entrance_, frame.get()));
  for (;;) {
    TROUPE_TRY(const auto piece, graph_.pull(exit_));
    if (!piece) return {};
    TROUPE_CHECK(store(*piece));
  }
}

result<frame_ptr> audio_feed::read(int samples) {
  while (av_audio_fifo_size(fifo_.get()) < samples && !file_ended_) TROUPE_CHECK(fill());
  const int available = std::min(samples, av_audio_fifo_size(fifo_.get()));
  if (available == 0) return frame_ptr{};
  auto frame = make_sound(available);
  const int got = av_audio_fifo_read(fifo_.get(), reinterpret_cast<void**>(frame->extended_data), available);
  if (got < 0) return work_error(got, "reading sound");
  return frame;
}

result<std::int64_t> count_samples(const std::filesystem::path& path, const file_role& role, const std::function<void()>& tick) {
  TROUPE_TRY(auto feed, audio_feed::open(path, role));
  std::int64_t count = 0;
  for (;;) {
    TROUPE_TRY(const auto piece, feed.read(audio_feed::sample_rate));
    if (!piece) break;
    count += piece->nb_samples;
    tick();
  }
  if (count == 0) return refuse(role, "holds no sound that can be decoded");
  return count;
}

}  // namespace troupe::media::detail
