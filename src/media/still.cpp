#include "media/still.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "media/picture.hpp"
#include "media/progress_meter.hpp"
#include "media/reader.hpp"
#include "media/writer.hpp"
#include "media/zoom.hpp"

namespace troupe::media {

namespace {

using namespace detail;

constexpr int side_min = 16;
constexpr int side_max = 7680;
constexpr double zoom_max = 3;
/// A larger canvas would be sampled too thinly while the zoom is still 1.
constexpr double canvas_scale_max = 2;

result<void> check(const still_options& options) {
  const auto refuse_option = [](std::string detail) { return error{errc::bad_request, std::move(detail)}; };
  for (const int side : {options.width, options.height})
    if (side < side_min || side > side_max || side % 2 != 0)
      return refuse_option(fmt::format("a frame of {} x {} is not possible; both must be even, {} to {}", options.width,
                                       options.height, side_min, side_max));
  if (options.fps < 1 || options.fps > 120) return refuse_option(fmt::format("fps is {}; accepted are 1 to 120", options.fps));
  if (!(options.zoom >= 1 && options.zoom <= zoom_max))
    return refuse_option(fmt::format("zoom is {}; accepted are 1 to {}", options.zoom, zoom_max));
  if (options.length < 1ms || options.length > std::chrono::seconds(media_seconds_max))
    return refuse_option(
        fmt::format("the length is {} ms; accepted are 1 ms to {} hours", options.length.count(), media_seconds_max / 3600));
  return {};
}

}  // namespace

result<still_result> still(const still_options& options, const std::filesystem::path& mp4_out, const progress_fn& report) {
  return guarded([&]() -> result<still_result> {
    TROUPE_CHECK(check(options));
    const auto total = std::max<std::int64_t>(1, (options.length.count() * options.fps + 500) / 1000);
    progress_meter progress(report, static_cast<std::uint64_t>(total));
    progress.at(0);
    TROUPE_TRY(auto picture, load_picture(options.image, role_of(media_kind::picture, "the picture")));
    const double scale = std::min(options.zoom, canvas_scale_max);
    const auto canvas_side = [&](int side) { return static_cast<int>(std::lround(side * scale / 2)) * 2; };
    TROUPE_TRY(auto canvas, fit_picture(*picture, canvas_side(options.width), canvas_side(options.height)));
    picture.reset();

    TROUPE_TRY(auto writer, media_writer::create(mp4_out, media_writer::container::mp4));
    TROUPE_CHECK(writer.add_video(
        {.width = options.width, .height = options.height, .frame_rate = {options.fps, 1}, .threads = options.threads}));
    TROUPE_CHECK(writer.start());
    zoomer zoom(std::move(canvas), options.width, options.height);
    for (std::int64_t i = 0; i < total; ++i) {
      // Growing by the same factor each frame looks like an even speed.
      const double done = total > 1 ? static_cast<double>(i) / static_cast<double>(total - 1) : 0;
      const auto frame = zoom.draw(std::pow(options.zoom, done));
      TROUPE_CHECK(writer.write_video(*frame));
      progress.at(static_cast<std::uint64_t>(i) + 1);
    }
    TROUPE_CHECK(writer.finish());
    progress.finish();
    return still_result{.frames = static_cast<std::uint64_t>(total),
                        .length = duration{(total * 1000 + options.fps / 2) / options.fps}};
  });
}

}  // namespace troupe::media
