#include "media/view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "media/picture.hpp"
#include "media/planes.hpp"
#include "media/progress_meter.hpp"
#include "media/timed_reader.hpp"

namespace troupe::media {

namespace {

using namespace detail;

constexpr std::int64_t frame_pixels_max = 35'000'000;
constexpr std::size_t batch_max = 64;

/// Frames as planes, until there are enough for a call.
class batch_viewer {
 public:
  batch_viewer(const view_options& options, const view_fn& how, std::int64_t pixels_most)
      : options_(options), how_(how), pixels_most_(pixels_most) {}

  result<void> add(AVFrame& frame, AVRational clock, const std::int32_t* matrix) {
    if (!maker_) {
      TROUPE_TRY(maker_, float_maker::open(frame, clock, matrix, false));
    }
    width_ = maker_->width();
    height_ = maker_->height();
    if (std::int64_t{width_} * height_ > pixels_most_)
      return error{errc::bad_request, fmt::format("the video has {} x {} pixels; at most {} megapixels are accepted", width_,
                                                  height_, pixels_most_ / 1'000'000)};
    const auto values = 3 * static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_);
    const auto batch = std::clamp<std::size_t>(options_.batch_most, 1, batch_max);
    // The pictures of a call, and one more in bytes, as it was decoded and as colours.
    if (given_.empty() && options_.before)
      TROUPE_CHECK(options_.before({width_, height_, batch, sizeof(float) * values * batch + 2 * values}));
    given_.resize(batch * values);
    TROUPE_CHECK(maker_->convert(frame, given_.data() + times_.size() * values));
    times_.emplace_back(av_rescale_q(frame.pts, clock, {1, 1'000'000}));
    return times_.size() * values == given_.size() ? show() : result<void>{};
  }

  result<void> show() {
    if (times_.empty()) return {};
    TROUPE_CHECK(how_({.count = times_.size(), .width = width_, .height = height_, .in = given_.data(), .at = times_.data()}));
    shown_ += times_.size();
    times_.clear();
    return {};
  }

  [[nodiscard]] transform_result seen(duration length) const {
    return {.frames = shown_, .length = length, .width = width_, .height = height_};
  }

 private:
  const view_options& options_;
  const view_fn& how_;
  const std::int64_t pixels_most_;
  std::optional<float_maker> maker_;
  int width_ = 0, height_ = 0;
  std::vector<float> given_;
  std::vector<std::chrono::microseconds> times_;
  std::uint64_t shown_ = 0;
};

}  // namespace

result<transform_result> view_video(const view_options& options, const view_fn& how, const progress_fn& report) {
  return guarded([&]() -> result<transform_result> {
    TROUPE_TRY(auto source, timed_reader::open(options.input, role_of(media_kind::video, "the video"), options.threads));
    const auto clock = source.reader().time_base();
    const auto rate = source.reader().frame_rate();
    const auto counted = source.reader().stream().nb_frames;
    const auto expected =
        counted > 0 ? counted : av_rescale(source.microseconds_promised(), rate.num, std::int64_t{rate.den} * AV_TIME_BASE);
    progress_meter progress(report, static_cast<std::uint64_t>(std::max<std::int64_t>(expected, 0)));
    progress.at(0);
    batch_viewer viewer(options, how, frame_pixels_max);
    std::uint64_t decoded = 0;
    std::int64_t due = 0, end = 0;  // the first in milliseconds
    for (;;) {
      TROUPE_TRY(auto frame, source.next());
      if (!frame) break;
      progress.at(++decoded);
      end = frame->pts + std::max<std::int64_t>(1, frame->pkt_duration);
      const auto at = av_rescale_q(frame->pts, clock, {1, 1000});
      if (at < due) continue;
      if (options.every.count() > 0) due = (at / options.every.count() + 1) * options.every.count();
      TROUPE_CHECK(viewer.add(*frame, clock, source.display_matrix()));
    }
    if (decoded == 0) return refuse(source.role(), "holds no frame that can be decoded");
    TROUPE_CHECK(viewer.show());
    progress.finish();
    return viewer.seen(duration{av_rescale_q(end, clock, {1, 1000})});
  });
}

result<transform_result> view_picture(const view_options& options, const view_fn& how, const progress_fn& report) {
  return guarded([&]() -> result<transform_result> {
    progress_meter progress(report, 1);
    progress.at(0);
    TROUPE_TRY(auto picture, load_picture(options.input, role_of(media_kind::picture, "the picture"), pixels_max));
    picture->pts = 0;
    auto one = options;
    one.batch_most = 1;
    batch_viewer viewer(one, how, pixels_max);
    TROUPE_CHECK(viewer.add(*picture, {1, 1}, nullptr));
    progress.finish();
    return viewer.seen({});
  });
}

}  // namespace troupe::media
