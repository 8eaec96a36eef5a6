#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "samples.hpp"

using namespace troupe;
using namespace troupe::media;
using namespace troupe::media::samples;

namespace {

using std::chrono::microseconds;

/// Mean of one plane in the middle half of a picture.
float mean_of(const float* plane, int width, int height) {
  float sum = 0;
  int count = 0;
  for (int y = height / 4; y < 3 * height / 4; ++y)
    for (int x = width / 4; x < 3 * width / 4; ++x, ++count) sum += plane[y * width + x];
  return sum / static_cast<float>(count);
}

std::array<float, 3> shown(backdrop& behind, microseconds when, int width = 64, int height = 48) {
  const auto planes = behind.at(when, width, height);
  REQUIRE_MESSAGE(planes.has_value(), (planes ? "" : planes.error().detail));
  const auto each = static_cast<std::ptrdiff_t>(width) * height;
  return {mean_of(*planes, width, height), mean_of(*planes + each, width, height), mean_of(*planes + 2 * each, width, height)};
}

bool is_near(const std::array<float, 3>& a, const std::array<float, 3>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), [](float one, float other) { return std::abs(one - other) < 0.03F; });
}

/// 5 red frames, then 5 blue ones, 100 ms each.
void write_red_then_blue(const scratch& dir, const std::string& name) {
  write_clip(dir / "red.mp4", {.width = 128, .height = 64, .fps = 10, .frames = 5}, red);
  write_clip(dir / "blue.mp4", {.width = 128, .height = 64, .fps = 10, .frames = 5}, blue);
  concat_options options;
  options.clips = {dir / "red.mp4", dir / "blue.mp4"};
  REQUIRE(concat(options, dir / name, {}).has_value());
}

constexpr std::array<float, 3> pure_red{1, 0, 0}, pure_blue{0, 0, 1};

}  // namespace

TEST_CASE("frames of a video are shown with their times, in batches") {
  const scratch dir;
  write_moving_clip(dir / "in.mp4", {.width = 64, .height = 48, .fps = 25, .frames = 10});
  std::vector<std::int64_t> times;
  std::vector<std::size_t> batches;
  progress_witness progress;
  const auto seen = view_video(
      {.input = dir / "in.mp4", .batch_most = 4},
      [&](const picture_batch& batch) -> result<void> {
        batches.push_back(batch.count);
        for (std::size_t i = 0; i < batch.count; ++i) times.push_back(batch.at[i].count());
        return {};
      },
      progress.listener());
  REQUIRE_MESSAGE(seen.has_value(), (seen ? "" : seen.error().detail));
  CHECK(seen->frames == 10);
  CHECK(seen->length == 400ms);
  CHECK(batches == std::vector<std::size_t>{4, 4, 2});
  CHECK(times.front() == 0);
  CHECK(times.back() == 360'000);
  CHECK(progress.rose_to_the_end());
}

TEST_CASE("of each length of time one frame is shown, the first of it") {
  const scratch dir;
  write_moving_clip(dir / "in.mp4", {.width = 64, .height = 64, .fps = 25, .frames = 25});
  std::vector<std::int64_t> times;
  const auto note = [&](const picture_batch& batch) -> result<void> {
    times.push_back(batch.at[0].count() / 1000);
    return {};
  };
  CHECK(view_video({.input = dir / "in.mp4", .every = 300ms}, note, {})->frames == 4);
  CHECK(times == std::vector<std::int64_t>{0, 320, 600, 920});
}

TEST_CASE("a picture is shown as it is, and what is none is refused") {
  const scratch dir;
  write_picture(dir / "in.png", 30, 21, halves(30));
  const auto seen = view_picture({.input = dir / "in.png"},
                                 [](const picture_batch& batch) -> result<void> {
                                   CHECK(batch.width == 30);
                                   CHECK(batch.height == 21);
                                   CHECK(batch.in[0] > 0.98F);   // red, on the left
                                   CHECK(batch.in[29] < 0.02F);  // and none on the right
                                   return {};
                                 },
                                 {});
  CHECK(seen->frames == 1);
  write_bytes(dir / "text.png", "no picture");
  const auto ignore = [](const picture_batch&) -> result<void> { return {}; };
  CHECK(view_picture({.input = dir / "text.png"}, ignore, {}).error().code == errc::bad_request);
  CHECK(view_video({.input = dir / "in.png"}, ignore, {}).error().code == errc::bad_request);
  const auto refuse = [](const picture_batch&) -> result<void> { return error{errc::bad_request, "not this"}; };
  CHECK(view_picture({.input = dir / "in.png"}, refuse, {}).error().detail == "not this");
}

TEST_CASE("a second, grey video has the same frames, and no sound") {
  const scratch dir;
  write_moving_clip(dir / "in.mp4", {.width = 64, .height = 48, .fps = 25, .frames = 6});
  int frame = 0;
  const auto how = [&](const picture_batch& batch) -> result<void> {
    const auto each = static_cast<std::size_t>(batch.width) * static_cast<std::size_t>(batch.height);
    std::copy_n(batch.in, batch.count * 3 * each, batch.out);
    for (std::size_t i = 0; i < batch.count; ++i, ++frame) std::fill_n(batch.second + i * each, each, frame < 3 ? 1.0F : 0.25F);
    return {};
  };
  transform_options options;
  options.input = dir / "in.mp4";
  options.batch_most = 2;
  options.second_out = dir / "second.mp4";
  REQUIRE(transform_video(options, dir / "out.mp4", how, {}).has_value());
  const auto grey_frames = frames_of(dir / "second.mp4");
  REQUIRE(grey_frames.size() == 6);
  CHECK(is_close(grey_frames[2].at(30, 20), white));
  CHECK(is_close(grey_frames[3].at(30, 20), {64, 64, 64}));
  CHECK(frames_of(dir / "out.mp4").size() == 6);
  CHECK(probe(dir / "second.mp4").value().audio_codec.empty());
}

TEST_CASE("a background is a colour, or a picture that fills the frame") {
  CHECK(is_near(shown(*make_colour_backdrop({0.25F, 0.5F, 0.75F}), {}), {0.25F, 0.5F, 0.75F}));
  const scratch dir;
  write_picture(dir / "in.png", 100, 300, [](int, int y) { return y < 100 || y >= 200 ? blue : red; });
  const auto picture = make_picture_backdrop(dir / "in.png");
  CHECK(is_near(shown(*picture, {}, 60, 60), pure_red));  // only the middle is seen
  write_bytes(dir / "text.png", "no picture");
  CHECK(make_picture_backdrop(dir / "text.png")->at({}, 32, 32).error().code == errc::bad_request);
}

TEST_CASE("a background that moves is where it is at that time, and begins again") {
  const scratch dir;
  write_red_then_blue(dir, "in.mp4");
  const auto video = make_video_backdrop(dir / "in.mp4", 1);
  for (const auto& [ms, expected] : {std::pair{0, pure_red},
                                     {450, pure_red},
                                     {520, pure_blue},
                                     {980, pure_blue},
                                     {1020, pure_red},
                                     {1530, pure_blue},
                                     {3100, pure_red},
                                     {3900, pure_blue}}) {
    CAPTURE(ms);
    CHECK(is_near(shown(*video, microseconds{ms * 1000}), expected));
  }
  write_picture(dir / "in.png", 64, 64, halves(64));
  CHECK(make_video_backdrop(dir / "in.png", 1)->at({}, 32, 32).error().code == errc::bad_request);
}
