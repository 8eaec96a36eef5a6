#include "media/clip_feed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace troupe::media::detail {

namespace {

constexpr int side_max = 7680;

int even(double side) { return std::clamp(static_cast<int>(std::lround(side / 2)) * 2, 16, side_max); }

/// What a viewer would see: pixels made square, then turned upright.
clip_shape natural_shape(const AVFrame& frame, bool is_turned) {
  const auto aspect = frame.sample_aspect_ratio;
  const bool has_aspect = aspect.num > 0 && aspect.den > 0 && av_q2d(aspect) > 0.1 && av_q2d(aspect) < 10;
  const double width = frame.width * (has_aspect ? av_q2d(aspect) : 1.0);
  return is_turned ? clip_shape{even(frame.height), even(width)} : clip_shape{even(width), even(frame.height)};
}

std::vector<filter_step> fit_steps(const clip_shape& own, const clip_shape& wanted) {
  const double scale = std::min(static_cast<double>(wanted.width) / own.width, static_cast<double>(wanted.height) / own.height);
  const int width = std::min(wanted.width, even(own.width * scale));
  const int height = std::min(wanted.height, even(own.height * scale));
  std::vector<filter_step> steps{{"scale",
                                  {{"w", std::to_string(width)},
                                   {"h", std::to_string(height)},
                                   {"flags", "bicubic+accurate_rnd"},
                                   {"out_color_matrix", "bt709"},
                                   {"out_range", "tv"}}},
                                 {"format", {{"pix_fmts", "yuv420p"}}}};
  if (width != wanted.width || height != wanted.height)
    steps.push_back({"pad",
                     {{"w", std::to_string(wanted.width)},
                      {"h", std::to_string(wanted.height)},
                      {"x", std::to_string((wanted.width - width) / 4 * 2)},
                      {"y", std::to_string((wanted.height - height) / 4 * 2)}}});
  steps.push_back({"setsar", {{"sar", "1"}}});
  return steps;
}

}  // namespace

result<clip_feed> clip_feed::open(const std::filesystem::path& path, file_role role, std::optional<clip_shape> wanted,
                                  int threads) {
  TROUPE_TRY(auto frames, timed_reader::open(path, std::move(role), threads));
  clip_feed feed(std::move(frames));
  TROUPE_TRY(auto first, feed.frames_.next());
  if (!first) return refuse(feed.role(), "holds no frame that can be decoded");
  TROUPE_CHECK(feed.start(*first, wanted, threads));
  TROUPE_CHECK(feed.push(std::move(first)));
  return feed;
}

result<void> clip_feed::start(AVFrame& first, const std::optional<clip_shape>& wanted, int threads) {
  graph_ = filter_graph(threads);
  auto steps = upright_steps(frames_.display_matrix());
  const bool is_turned = !steps.empty() && std::string_view(steps.front().filter) == "transpose";
  auto own = natural_shape(first, is_turned);
  own.frame_rate = frames_.reader().frame_rate();
  shape_ = wanted.value_or(own);
  TROUPE_TRY(entrance_, graph_.add_entrance(first, frames_.reader().time_base()));
  const auto rate = fmt::format("{}/{}", shape_.frame_rate.num, shape_.frame_rate.den);
  steps.insert(steps.begin(), filter_step{"fps", {{"fps", rate}}});
  for (auto& step : fit_steps(own, shape_)) steps.push_back(std::move(step));
  auto* last = entrance_;
  for (const auto& step : steps) {
    TROUPE_TRY(last, graph_.add(step.filter, step.with, last));
  }
  TROUPE_TRY(exit_, graph_.add("buffersink", {}, last));
  return graph_.configure();
}

/// Hands a decoded frame to the filters; null ends them.
result<void> clip_feed::push(frame_ptr frame) {
  if (!frame) {
    file_ended_ = true;
    return filter_graph::close(entrance_, end_);
  }
  end_ = frame->pts + frame->pkt_duration;
  return filter_graph::push(entrance_, frame.get());
}

result<frame_ptr> clip_feed::next() {
  for (;;) {
    TROUPE_TRY(auto frame, graph_.pull(exit_));
    if (frame) {
      if (++given_ > media_seconds_max * 120)
        return refuse(role(), fmt::format("is longer than {} hours", media_seconds_max / 3600));
      return frame;
    }
    if (graph_.has_ended() || file_ended_) return frame_ptr{};
    TROUPE_TRY(auto decoded, frames_.next());
    TROUPE_CHECK(push(std::move(decoded)));
  }
}

std::int64_t clip_feed::frames_promised() const noexcept {
  return av_rescale(frames_.microseconds_promised(), shape_.frame_rate.num, std::int64_t{shape_.frame_rate.den} * AV_TIME_BASE);
}

}  // namespace troupe::media::detail
