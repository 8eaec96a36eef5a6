#include "media/transform.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <thread>

#include "media/audio_feed.hpp"
#include "media/bounded_queue.hpp"
#include "media/picture.hpp"
#include "media/planes.hpp"
#include "media/png.hpp"
#include "media/progress_meter.hpp"
#include "media/timed_reader.hpp"
#include "media/writer.hpp"

namespace troupe::media {

namespace {

using namespace detail;

constexpr int scale_max = 8;
constexpr std::size_t batch_max = 64;
/// Pictures of one call, before and after the change, take no more than that, if it is more than one.
constexpr std::size_t batch_bytes_most = std::size_t{512} << 20;
constexpr int video_side_max = 7680;
/// H.264's level 6.2 has 139,264 macroblocks of 256 pixels (ITU-T H.264, table A-1).
constexpr std::int64_t video_pixels_max = 139'264 * 256;
/// Decoded frames on their way between two threads, and encoded ones: together so many bytes, but one frame at least.
constexpr std::int64_t queue_bytes = std::int64_t{64} << 20;
constexpr std::int64_t queue_frames_max = 8;
/// A last frame that is said to last longer than so many seconds is not believed.
constexpr std::int64_t last_seconds_max = 60;

struct extent {
  int width = 0;
  int height = 0;
};

result<void> check(const transform_options& options) {
  if (options.scale < 1 || options.scale > scale_max)
    return error{errc::bad_request, fmt::format("the scale is {}; accepted are 1 to {}", options.scale, scale_max)};
  if (options.batch_most < 1 || options.batch_most > batch_max)
    return error{errc::bad_request, fmt::format("{} pictures at once; accepted are 1 to {}", options.batch_most, batch_max)};
  return {};
}

std::size_t queue_capacity(extent size) {
  const auto frame_bytes = std::int64_t{size.width} * size.height * 3 / 2;
  return static_cast<std::size_t>(std::clamp<std::int64_t>(queue_bytes / frame_bytes, 1, queue_frames_max));
}

std::size_t plane_values(extent size) { return static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.height); }

frame_ptr float_frame(extent size) { return make_picture(size.width, size.height, AV_PIX_FMT_GBRPF32LE); }

/// The coding of colours that the output can have and that is nearest to the source's.
AVColorSpace matrix_for(const AVFrame& frame) {
  return frame.colorspace == AVCOL_SPC_SMPTE170M || frame.colorspace == AVCOL_SPC_BT470BG ? AVCOL_SPC_SMPTE170M : AVCOL_SPC_BT709;
}

bool has_sound(const media_reader& video) {
  const auto& format = video.format();
  return std::any_of(format.streams, format.streams + format.nb_streams,
                     [](const AVStream* stream) { return stream->codecpar->codec_type == AVMEDIA_TYPE_AUDIO; });
}

/// A thread's work and what became of it.
class errand {
 public:
  /// @param at_end runs in the thread after the work, however that ended
  template <class Work, class AtEnd>
  errand(Work work, AtEnd at_end)
      : thread_([this, work = std::move(work), at_end = std::move(at_end)] {
          outcome_ = guarded(work);
          at_end();
        }) {}
  /// Waits for the end.
  result<void> end() {
    thread_.join();
    return outcome_;
  }

 private:
  result<void> outcome_;
  std::jthread thread_;
};

/// A frame on its way to the encoder, in the source's clock.
struct finished_frame {
  frame_ptr picture;
  std::int64_t at = 0;
  std::int64_t lasts = 1;
  frame_ptr second = nullptr;  ///< the grey one, if it is wanted
};

/// Writes frames, and the sound up to them.
class video_sink {
 public:
  video_sink(media_writer writer, std::optional<audio_feed> sound, AVRational clock)
      : writer_(std::move(writer)), sound_(std::move(sound)), clock_(clock) {}

  /// A frame lasts until the next one comes, so it is written then.
  result<void> write(finished_frame frame) {
    // A clock that stands still or runs back is set right by its smallest step.
    if (held_) frame.at = std::max(frame.at, held_->at + 1);
    if (held_) TROUPE_CHECK(write_held(frame.at));
    held_ = std::move(frame);
    return {};
  }

  /// @param end when the last frame's time is over, if the file says so
  result<void> finish(std::optional<std::int64_t> end) {
    if (held_) {
      const auto own = held_->at + std::max<std::int64_t>(1, held_->lasts);
      const bool is_credible = end && *end > held_->at && av_rescale_q(*end - held_->at, clock_, {1, 1}) <= last_seconds_max;
      TROUPE_CHECK(write_held(is_credible ? *end : own));
    }
    TROUPE_CHECK(write_sound(INT64_MAX));
    return writer_.finish();
  }

  [[nodiscard]] std::uint64_t frames() const { return static_cast<std::uint64_t>(writer_.video_frames()); }
  [[nodiscard]] duration length() const { return duration{av_rescale_q(end_, clock_, {1, 1000})}; }

 private:
  result<void> write_held(std::int64_t until) {
    end_ = until;
    const auto seconds = av_rescale_q(end_, clock_, {1, 1});
    if (seconds > media_seconds_max)
      return error{errc::bad_request, fmt::format("the video is longer than {} hours", media_seconds_max / 3600)};
    TROUPE_CHECK(writer_.write_video(*held_->picture, held_->at, end_ - held_->at));
    return write_sound(av_rescale_q(end_, clock_, {1, audio_feed::sample_rate}));
  }

  result<void> write_sound(std::int64_t until) {
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

  media_writer writer_;
  std::optional<audio_feed> sound_;
  AVRational clock_;
  std::optional<finished_frame> held_;
  std::int64_t end_ = 0;  ///< of what is written
};

/// From decoded frames, in batches, to frames that can be encoded.
class batch_maker {
 public:
  batch_maker(const transform_options& options, const picture_fn& how) : options_(options), how_(how) {}

  /// @param first a decoded frame; others are like it.
  result<void> open(AVFrame& first, AVRational clock, const std::int32_t* matrix) {
    TROUPE_TRY(maker_, float_maker::open(first, clock, matrix, options_.scale % 2 != 0));
    TROUPE_TRY(const auto floats, maker_->convert(first));
    in_ = {floats->width, floats->height};
    out_ = {in_.width * options_.scale, in_.height * options_.scale};
    pixel_aspect_ = floats->sample_aspect_ratio.num > 0 ? floats->sample_aspect_ratio : AVRational{1, 1};
    const auto pixels = std::int64_t{out_.width} * out_.height;
    if (in_.width < 16 || in_.height < 16 || std::max(out_.width, out_.height) > video_side_max || pixels > video_pixels_max)
      return error{errc::bad_request,
                   fmt::format("the video has {} x {} pixels and would have {} x {}; accepted are 16 to {} on a side, at most {} "
                               "megapixels after the change; use a smaller video or scale",
                               in_.width, in_.height, out_.width, out_.height, video_side_max, video_pixels_max / 1'000'000)};
    matrix_ = matrix_for(first);
    out_frame_ = float_frame(out_);
    TROUPE_TRY(taker_, float_taker::to_video(*out_frame_, matrix_));
    const auto bytes_of_one = 3 * sizeof(float) * (plane_values(in_) + plane_values(out_));
    batch_most_ = std::clamp<std::size_t>(batch_bytes_most / bytes_of_one, 1, options_.batch_most);
    if (options_.before) TROUPE_CHECK(options_.before({in_.width, in_.height, batch_most_, memory(batch_most_ * bytes_of_one)}));
    given_.resize(batch_most_ * 3 * plane_values(in_));
    made_.resize(batch_most_ * 3 * plane_values(out_));
    if (!options_.second_out.empty()) second_.resize(batch_most_ * plane_values(out_));
    clock_ = clock;
    return {};
  }

  [[nodiscard]] extent size() const { return out_; }
  /// Frames in one call of the function: as many as were asked for, if they are not too large together.
  [[nodiscard]] std::size_t batch_most() const { return batch_most_; }
  [[nodiscard]] AVColorSpace matrix() const { return matrix_; }
  [[nodiscard]] AVRational pixel_aspect() const { return pixel_aspect_; }

  /// @returns as many frames as there were.
  result<std::vector<finished_frame>> make(const std::vector<frame_ptr>& batch) {
    std::vector<std::chrono::microseconds> times;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      TROUPE_TRY(const auto floats, maker_->convert(*batch[i]));
      copy_planes(*floats, given_.data() + i * 3 * plane_values(in_));
      times.emplace_back(av_rescale_q(batch[i]->pts, clock_, {1, 1'000'000}));
    }
    TROUPE_CHECK(how_({.count = batch.size(),
                       .width = in_.width,
                       .height = in_.height,
                       .in = given_.data(),
                       .out = made_.data(),
                       .second = second_.empty() ? nullptr : second_.data(),
                       .at = times.data()}));
    std::vector<finished_frame> finished;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      TROUPE_TRY(auto picture, encodable(made_.data() + i * 3 * plane_values(out_), false));
      frame_ptr second;
      if (!second_.empty()) {
        TROUPE_TRY(second, encodable(second_.data() + i * plane_values(out_), true));
      }
      finished.push_back({std::move(picture), batch[i]->pts, batch[i]->pkt_duration, std::move(second)});
    }
    return finished;
  }

 private:
  result<frame_ptr> encodable(const float* values, bool is_grey) {
    if (!av_frame_is_writable(out_frame_.get())) out_frame_ = float_frame(out_);
    if (is_grey)
      copy_grey(values, *out_frame_);
    else
      copy_planes(values, *out_frame_);
    return taker_->convert(*out_frame_);
  }

  /// Of pictures: those of a call, one more of either size on its way, and the frames that wait for their turn.
  [[nodiscard]] std::uint64_t memory(std::size_t of_batch) const {
    const auto planes = 3 * sizeof(float) * (plane_values(in_) + plane_values(out_));
    const auto frames = (queue_capacity(out_) + batch_most_) * plane_values(in_) + queue_capacity(out_) * plane_values(out_);
    const auto second = options_.second_out.empty() ? 0
                                                    : batch_most_ * sizeof(float) * plane_values(out_)
                                                          + queue_capacity(out_) * plane_values(out_) * 3 / 2;
    return of_batch + planes + frames * 3 / 2 + second;
  }

  const transform_options& options_;
  const picture_fn& how_;
  std::optional<float_maker> maker_;
  std::optional<float_taker> taker_;
  extent in_, out_;
  std::size_t batch_most_ = 1;
  AVRational pixel_aspect_{1, 1};
  AVColorSpace matrix_ = AVCOL_SPC_BT709;
  AVRational clock_{1, 1};
  frame_ptr out_frame_;
  std::vector<float> given_, made_, second_;
};

/// @param is_silent whatever the video has
result<video_sink> open_sink(const transform_options& options, const std::filesystem::path& mp4_out, const timed_reader& video,
                             const batch_maker& maker, bool is_silent = false) {
  std::optional<audio_feed> sound;
  if (!is_silent && has_sound(video.reader())) {
    TROUPE_TRY(auto feed,
               audio_feed::open_from(video.start(), options.input, role_of(media_kind::audio, "the sound of the video")));
    sound.emplace(std::move(feed));
  }
  const auto clock = video.reader().time_base();
  TROUPE_TRY(auto writer, media_writer::create(mp4_out, media_writer::container::mp4));
  TROUPE_CHECK(writer.add_video({.width = maker.size().width,
                                 .height = maker.size().height,
                                 .frame_rate = video.reader().frame_rate(),
                                 .threads = options.threads,
                                 .matrix = maker.matrix(),
                                 .time_base = clock,
                                 .pixel_aspect = maker.pixel_aspect()}));
  if (sound) TROUPE_CHECK(writer.add_audio({}));
  TROUPE_CHECK(writer.start());
  return video_sink(std::move(writer), std::move(sound), clock);
}

/// Where frames go in the end.
struct sink_pair {
  video_sink first;
  std::optional<video_sink> second;

  result<void> write(finished_frame frame) {
    if (second) TROUPE_CHECK(second->write({std::move(frame.second), frame.at, frame.lasts}));
    return first.write(std::move(frame));
  }
  result<void> finish(std::optional<std::int64_t> end) {
    if (second) TROUPE_CHECK(second->finish(end));
    return first.finish(end);
  }
};

result<sink_pair> open_sinks(const transform_options& options, const std::filesystem::path& mp4_out, const timed_reader& video,
                             const batch_maker& maker) {
  TROUPE_TRY(auto first, open_sink(options, mp4_out, video, maker));
  sink_pair made{std::move(first), std::nullopt};
  if (options.second_out.empty()) return made;
  TROUPE_TRY(auto second, open_sink(options, options.second_out, video, maker, true));
  made.second.emplace(std::move(second));
  return made;
}

/// Three threads in a row: this one makes pictures, one before it decodes, one behind it encodes.
class conveyor {
 public:
  conveyor(timed_reader& source, batch_maker& maker, sink_pair& sink, std::size_t batch_most)
      : maker_(maker),
        batch_most_(batch_most),
        decoded_(queue_capacity(maker.size()) + batch_most),
        made_(queue_capacity(maker.size())),
        decoding_([this, &source] { return decode(source); }, [this] { decoded_.close(); }),
        encoding_([this, &sink] { return encode(sink); }, [this] { made_.close(); }) {}
  ~conveyor() {
    decoded_.close();
    made_.close();
  }

  result<void> run(frame_ptr first, progress_meter& progress) {
    const auto own = work(std::move(first), progress);
    decoded_.close();
    made_.close();
    // Who stopped first closed a queue, and the others saw nothing but that.
    const auto decoding = decoding_.end();
    const auto encoding = encoding_.end();
    if (!own) return own;
    if (!encoding) return encoding;
    return decoding;
  }

 private:
  result<void> work(frame_ptr first, progress_meter& progress) {
    std::vector<frame_ptr> batch;
    batch.push_back(std::move(first));
    std::uint64_t done = 0;
    while (!batch.empty()) {
      while (batch.size() < batch_most_) {
        auto next = decoded_.pop();
        if (!next) break;
        batch.push_back(std::move(*next));
      }
      TROUPE_TRY(auto finished, maker_.make(batch));
      for (auto& frame : finished)
        if (!made_.push(std::move(frame))) return {};
      progress.at(done += batch.size());
      batch.clear();
      if (auto next = decoded_.pop()) batch.push_back(std::move(*next));
    }
    return {};
  }

  result<void> decode(timed_reader& source) {
    for (;;) {
      TROUPE_TRY(auto frame, source.next());
      if (!frame || !decoded_.push(std::move(frame))) return {};
    }
  }

  result<void> encode(sink_pair& sink) {
    while (auto frame = made_.pop()) TROUPE_CHECK(sink.write(std::move(*frame)));
    return {};
  }

  batch_maker& maker_;
  std::size_t batch_most_;
  bounded_queue<frame_ptr> decoded_;
  bounded_queue<finished_frame> made_;
  errand decoding_, encoding_;
};

}  // namespace

result<transform_result> transform_video(const transform_options& options, const std::filesystem::path& mp4_out,
                                         const picture_fn& how, const progress_fn& report) {
  return guarded([&]() -> result<transform_result> {
    TROUPE_CHECK(check(options));
    TROUPE_TRY(auto source, timed_reader::open(options.input, role_of(media_kind::video, "the video"), options.threads));
    TROUPE_TRY(auto first, source.next());
    if (!first) return refuse(source.role(), "holds no frame that can be decoded");
    batch_maker maker(options, how);
    TROUPE_CHECK(maker.open(*first, source.reader().time_base(), source.display_matrix()));
    TROUPE_TRY(auto sink, open_sinks(options, mp4_out, source, maker));
    const auto rate = source.reader().frame_rate();
    const auto counted = source.reader().stream().nb_frames;
    const auto expected =
        counted > 0 ? counted : av_rescale(source.microseconds_promised(), rate.num, std::int64_t{rate.den} * AV_TIME_BASE);
    progress_meter progress(report, static_cast<std::uint64_t>(std::max<std::int64_t>(expected, 0)));
    progress.at(0);
    TROUPE_CHECK(conveyor(source, maker, sink, maker.batch_most()).run(std::move(first), progress));
    TROUPE_CHECK(sink.finish(source.end()));
    progress.finish();
    return transform_result{
        .frames = sink.first.frames(), .length = sink.first.length(), .width = maker.size().width, .height = maker.size().height};
  });
}

result<transform_result> transform_picture(const transform_options& options, const std::filesystem::path& png_out,
                                           const picture_fn& how, const progress_fn& report) {
  return guarded([&]() -> result<transform_result> {
    TROUPE_CHECK(check(options));
    progress_meter progress(report, 1);
    progress.at(0);
    const auto role = role_of(media_kind::picture, "the picture");
    TROUPE_TRY(auto picture, load_picture(options.input, role, pixels_max));
    const extent in{picture->width, picture->height};
    const extent out{in.width * options.scale, in.height * options.scale};
    if (static_cast<std::int64_t>(plane_values(out)) > pixels_max)
      return refuse(role, fmt::format("has {} x {} pixels and would have {} x {}, more than {} megapixels", in.width, in.height,
                                      out.width, out.height, pixels_max / 1'000'000));
    if (options.before)
      TROUPE_CHECK(options.before({in.width, in.height, 1, 2 * 3 * sizeof(float) * (plane_values(in) + plane_values(out))}));
    TROUPE_TRY(auto maker, float_maker::open(*picture, {1, 1}, nullptr, false));
    TROUPE_TRY(auto floats, maker.convert(*picture));
    picture.reset();
    std::vector<float> given(3 * plane_values(in));
    copy_planes(*floats, given.data());
    floats.reset();
    std::vector<float> made(3 * plane_values(out));
    const bool is_double = !options.second_out.empty();
    std::vector<float> second(is_double ? plane_values(out) : 0);
    const std::chrono::microseconds start{};
    TROUPE_CHECK(how({.count = 1,
                      .width = in.width,
                      .height = in.height,
                      .in = given.data(),
                      .out = made.data(),
                      .second = is_double ? second.data() : nullptr,
                      .at = &start}));
    const auto frame = float_frame(out);
    copy_planes(made.data(), *frame);
    TROUPE_TRY(auto taker, float_taker::to_picture(*frame));
    TROUPE_TRY(const auto rgb, taker.convert(*frame));
    TROUPE_CHECK(write_png(*rgb, png_out));
    if (is_double) {
      const auto grey = float_frame(out);
      copy_grey(second.data(), *grey);
      TROUPE_TRY(const auto made_grey, taker.convert(*grey));
      TROUPE_CHECK(write_png(*made_grey, options.second_out));
    }
    progress.finish();
    return transform_result{.frames = 1, .length = {}, .width = out.width, .height = out.height};
  });
}

}  // namespace troupe::media
