#include "media/transform.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <thread>

#include "base/huge_pages.hpp"
#include "media/picture.hpp"
#include "media/planes.hpp"
#include "media/png.hpp"
#include "media/progress_meter.hpp"
#include "media/relay.hpp"
#include "media/timed_reader.hpp"
#include "media/video_sink.hpp"

namespace troupe::media {

namespace {

using namespace detail;

constexpr int scale_max = 8;
constexpr std::size_t batch_max = 64;
/// The numbers of all pictures that are in memory at once take no more than that, if a call has more than one.
constexpr std::size_t batch_bytes_most = std::size_t{1} << 30;
constexpr int video_side_max = 7680;
/// H.264's level 6.2 has 139,264 macroblocks of 256 pixels (ITU-T H.264, table A-1).
constexpr std::int64_t video_pixels_max = 139'264 * 256;

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

std::size_t plane_values(extent size) { return static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.height); }

/// The coding of colours that the output can have and that is nearest to the source's.
AVColorSpace matrix_for(const AVFrame& frame) {
  return frame.colorspace == AVCOL_SPC_SMPTE170M || frame.colorspace == AVCOL_SPC_BT470BG ? AVCOL_SPC_SMPTE170M : AVCOL_SPC_BT709;
}

/// How pictures go in and come out.
struct video_shape {
  extent in, out;
  std::size_t batch = 1;   ///< pictures in one call, at most
  bool is_double = false;  ///< a grey picture is made, too
  AVRational clock{1, 1};
  AVColorSpace matrix = AVCOL_SPC_BT709;
  AVRational pixel_aspect{1, 1};

  [[nodiscard]] std::size_t values_in() const { return 3 * plane_values(in); }
  [[nodiscard]] std::size_t values_out() const { return 3 * plane_values(out); }
  [[nodiscard]] std::size_t values_second() const { return is_double ? plane_values(out) : 0; }
  /// Of one picture's way through all threads.
  [[nodiscard]] std::size_t bytes_of_one() const {
    return relay_buffers * sizeof(float) * (values_in() + values_out() + values_second());
  }
};

/// @param maker of the pictures that go in
result<video_shape> shape_of(const transform_options& options, const float_maker& maker, const AVFrame& first, AVRational clock) {
  const extent in{maker.width(), maker.height()}, out{in.width * options.scale, in.height * options.scale};
  const auto pixels = std::int64_t{out.width} * out.height;
  if (in.width < 16 || in.height < 16 || std::max(out.width, out.height) > video_side_max || pixels > video_pixels_max)
    return error{errc::bad_request,
                 fmt::format("the video has {} x {} pixels and would have {} x {}; accepted are 16 to {} on a side, at most {} "
                             "megapixels after the change; use a smaller video or scale",
                             in.width, in.height, out.width, out.height, video_side_max, video_pixels_max / 1'000'000)};
  video_shape made{.in = in, .out = out, .is_double = !options.second_out.empty(), .clock = clock, .matrix = matrix_for(first)};
  if (const auto aspect = maker.pixel_aspect(); aspect.num > 0) made.pixel_aspect = aspect;
  made.batch = std::clamp<std::size_t>(batch_bytes_most / made.bytes_of_one(), 1, options.batch_most);
  return made;
}

/// Bytes of pictures: as numbers on their way through all threads, the bytes of one that becomes numbers, and what decoder and
/// encoder keep.
std::uint64_t memory_of(const video_shape& shape, int threads) {
  const auto numbers = shape.batch * shape.bytes_of_one() + shape.values_in();
  return numbers + decoder_memory(shape.in.width, shape.in.height, threads)
         + (shape.is_double ? 2 : 1) * encoder_memory(shape.out.width, shape.out.height, threads);
}

/// A thread's work and what became of it.
class errand {
 public:
  /// @param close ends the thread's waiting; called after the work, however that ended, and when this goes away
  errand(std::function<result<void>()> work, std::function<void()> close)
      : close_(std::move(close)), thread_([this, work = std::move(work)] {
          outcome_ = guarded(work);
          close_();
        }) {}
  errand(const errand&) = delete;
  errand& operator=(const errand&) = delete;
  ~errand() { close_(); }

  /// Waits for the end.
  result<void> end() {
    thread_.join();
    return outcome_;
  }

 private:
  result<void> outcome_;
  std::function<void()> close_;
  std::jthread thread_;
};

/// When a frame is shown, in the source's clock.
struct frame_time {
  std::int64_t at = 0;
  std::int64_t lasts = 1;
};

/// The pictures of one call, before it and after it.
struct given_batch {
  explicit given_batch(const video_shape& shape) : values(shape.batch * shape.values_in()) {}
  std::vector<frame_time> times;
  large_floats values;
};
struct made_batch {
  explicit made_batch(const video_shape& shape)
      : values(shape.batch * shape.values_out()), second(shape.batch * shape.values_second()) {}
  std::vector<frame_time> times;
  large_floats values, second;
};

/// Where pictures go in the end.
class picture_sink {
 public:
  static result<picture_sink> open(const transform_options& options, const std::filesystem::path& mp4_out,
                                   const timed_reader& video, const video_shape& shape) {
    video_sink::settings with{.width = shape.out.width,
                              .height = shape.out.height,
                              .matrix = shape.matrix,
                              .pixel_aspect = shape.pixel_aspect,
                              .threads = options.threads};
    TROUPE_TRY(auto first, video_sink::open(with, mp4_out, video, options.input));
    picture_sink made(shape, std::move(first));
    if (!shape.is_double) return made;
    with.is_silent = true;
    TROUPE_TRY(auto second, video_sink::open(with, options.second_out, video, options.input));
    made.second_.emplace(std::move(second));
    return made;
  }

  result<void> write(const made_batch& batch) {
    const auto [width, height] = shape_.out;
    for (std::size_t i = 0; i < batch.times.size(); ++i) {
      if (second_)
        TROUPE_CHECK(
            second_->write(frame_of(grey_at(batch.second.data() + i * shape_.values_second(), width, height), batch.times[i])));
      TROUPE_CHECK(
          first_.write(frame_of(colours_at(batch.values.data() + i * shape_.values_out(), width, height), batch.times[i])));
    }
    return {};
  }
  result<void> finish(std::optional<std::int64_t> end) {
    if (second_) TROUPE_CHECK(second_->finish(end));
    return first_.finish(end);
  }
  [[nodiscard]] transform_result made() const {
    return {.frames = first_.frames(), .length = first_.length(), .width = shape_.out.width, .height = shape_.out.height};
  }

 private:
  picture_sink(const video_shape& shape, video_sink first)
      : shape_(shape), first_(std::move(first)), frames_(shape.out.width, shape.out.height, AV_PIX_FMT_YUV420P) {}

  finished_frame frame_of(const colour_planes& colours, const frame_time& time) {
    auto frame = frames_.take();
    write_video_frame(colours, shape_.matrix, *frame);
    return {std::move(frame), time.at, time.lasts};
  }

  video_shape shape_;
  video_sink first_;
  std::optional<video_sink> second_;
  picture_stock frames_;
};

/// Three threads in a row: one decodes frames into numbers, this one has pictures made of them, one encodes those.
class conveyor {
 public:
  conveyor(const video_shape& shape, float_maker maker, timed_reader& source, const picture_fn& how, picture_sink& sink)
      : shape_(shape),
        maker_(std::move(maker)),
        source_(source),
        how_(how),
        sink_(sink),
        given_([&] { return given_batch(shape); }),
        made_([&] { return made_batch(shape); }) {}

  /// Call once. @param first the frame that was read already
  result<void> run(frame_ptr first, progress_meter& progress) {
    frame_ = std::move(first);
    errand decoding([this] { return decode(); }, [this] { given_.close(); });
    errand encoding([this] { return encode(); }, [this] { made_.close(); });
    const auto own = work(progress);
    given_.close();
    made_.close();
    // Who stopped first closed a relay, and the others saw nothing but that.
    const auto decoded = decoding.end();
    const auto encoded = encoding.end();
    if (!own) return own;
    if (!encoded) return encoded;
    return decoded;
  }

 private:
  result<void> decode() {
    while (frame_) {
      auto batch = given_.to_fill();
      if (!batch) return {};
      batch->times.clear();
      while (frame_ && batch->times.size() < shape_.batch) {
        TROUPE_CHECK(maker_.convert(*frame_, batch->values.data() + batch->times.size() * shape_.values_in()));
        batch->times.push_back({frame_->pts, frame_->pkt_duration});
        TROUPE_TRY(frame_, source_.next());
      }
      if (!given_.filled(std::move(*batch))) return {};
    }
    return {};
  }

  result<void> work(progress_meter& progress) {
    std::uint64_t done = 0;
    while (auto given = given_.to_empty()) {
      auto made = made_.to_fill();
      if (!made) return {};
      std::vector<std::chrono::microseconds> times;
      for (const auto& time : given->times) times.emplace_back(av_rescale_q(time.at, shape_.clock, {1, 1'000'000}));
      TROUPE_CHECK(how_({.count = times.size(),
                         .width = shape_.in.width,
                         .height = shape_.in.height,
                         .in = given->values.data(),
                         .out = made->values.data(),
                         .second = shape_.is_double ? made->second.data() : nullptr,
                         .at = times.data()}));
      made->times.swap(given->times);
      given_.emptied(std::move(*given));
      if (!made_.filled(std::move(*made))) return {};
      progress.at(done += times.size());
    }
    return {};
  }

  result<void> encode() {
    while (auto batch = made_.to_empty()) {
      TROUPE_CHECK(sink_.write(*batch));
      made_.emptied(std::move(*batch));
    }
    return {};
  }

  const video_shape& shape_;
  float_maker maker_;
  timed_reader& source_;
  const picture_fn& how_;
  picture_sink& sink_;
  frame_ptr frame_;  ///< decoded, not yet converted
  relay<given_batch> given_;
  relay<made_batch> made_;
};

}  // namespace

result<transform_result> transform_video(const transform_options& options, const std::filesystem::path& mp4_out,
                                         const picture_fn& how, const progress_fn& report) {
  return guarded([&]() -> result<transform_result> {
    TROUPE_CHECK(check(options));
    TROUPE_TRY(auto source, timed_reader::open(options.input, role_of(media_kind::video, "the video"), options.threads));
    TROUPE_TRY(auto first, source.next());
    if (!first) return refuse(source.role(), "holds no frame that can be decoded");
    const auto clock = source.reader().time_base();
    TROUPE_TRY(auto maker, float_maker::open(*first, clock, source.display_matrix(), options.scale % 2 != 0));
    TROUPE_TRY(const auto shape, shape_of(options, maker, *first, clock));
    if (options.before)
      TROUPE_CHECK(options.before({shape.in.width, shape.in.height, shape.batch, memory_of(shape, options.threads)}));
    TROUPE_TRY(auto sink, picture_sink::open(options, mp4_out, source, shape));
    const auto rate = source.reader().frame_rate();
    const auto counted = source.reader().stream().nb_frames;
    const auto expected =
        counted > 0 ? counted : av_rescale(source.microseconds_promised(), rate.num, std::int64_t{rate.den} * AV_TIME_BASE);
    progress_meter progress(report, static_cast<std::uint64_t>(std::max<std::int64_t>(expected, 0)));
    progress.at(0);
    TROUPE_CHECK(conveyor(shape, std::move(maker), source, how, sink).run(std::move(first), progress));
    TROUPE_CHECK(sink.finish(source.end()));
    progress.finish();
    return sink.made();
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
    // As numbers and as bytes, before and after.
    const std::size_t second_values = options.second_out.empty() ? 0 : plane_values(out);
    const auto memory = (sizeof(float) + 1) * (3 * plane_values(in) + 3 * plane_values(out) + second_values);
    if (options.before) TROUPE_CHECK(options.before({in.width, in.height, 1, memory}));
    large_floats given(3 * plane_values(in));
    {
      TROUPE_TRY(auto maker, float_maker::open(*picture, {1, 1}, nullptr, false));
      TROUPE_CHECK(maker.convert(*picture, given.data()));
    }
    picture.reset();
    large_floats made(3 * plane_values(out));
    const bool is_double = second_values > 0;
    large_floats second(second_values);
    const std::chrono::microseconds start{};
    TROUPE_CHECK(how({.count = 1,
                      .width = in.width,
                      .height = in.height,
                      .in = given.data(),
                      .out = made.data(),
                      .second = is_double ? second.data() : nullptr,
                      .at = &start}));
    TROUPE_CHECK(write_png(*to_rgb_frame(colours_at(made.data(), out.width, out.height)), png_out));
    if (is_double) TROUPE_CHECK(write_png(*to_rgb_frame(grey_at(second.data(), out.width, out.height)), options.second_out));
    progress.finish();
    return transform_result{.frames = 1, .length = {}, .width = out.width, .height = out.height};
  });
}

}  // namespace troupe::media
