#include <doctest/doctest.h>

#include <cmath>

#include "samples.hpp"

using namespace troupe;
using namespace troupe::media;
using namespace troupe::media::samples;

namespace {
constexpr clip_kind second{.width = 160, .height = 90, .fps = 25, .frames = 25};

concat_options three(const scratch& dir, duration transition) {
  write_clip(dir / "a", second, red);
  write_clip(dir / "b", second, blue);
  write_clip(dir / "c", second, white);
  return {.clips = {dir / "a", dir / "b", dir / "c"},
          .transition = transition,
          .effect = "fade",
          .audio = std::nullopt,
          .threads = 2};
}
}  // namespace

TEST_CASE("joined clips overlap by their transitions and blend in them") {
  const scratch dir;
  progress_witness progress;
  const auto done = concat(three(dir, 400ms), dir / "out.mp4", progress.listener()).value();
  CHECK(done.frames == 55);  // 3 x 25 - 2 x 10
  CHECK(done.length == 2200ms);
  const auto frames = frames_of(dir / "out.mp4");
  REQUIRE(frames.size() == 55);
  const auto seen = [&](std::size_t i) { return frames[i].at(80, 45); };
  CHECK(is_close(seen(14), red));
  CHECK(is_close(seen(20), colour{128, 0, 128}, 40));
  CHECK(is_close(seen(26), blue));
  CHECK(is_close(seen(35), colour{128, 128, 255}, 48));
  CHECK(is_close(seen(54), white));
  for (std::size_t i = 16; i < 25; ++i) CHECK(seen(i).red < seen(i - 1).red);
  CHECK(progress.rose_to_the_end());
  CHECK(dir.files() == std::vector<std::string>{"a", "b", "c", "out.mp4"});
  const auto facts = probe(dir / "out.mp4").value();
  CHECK(facts.audio_codec.empty());
  CHECK(facts.frames == 55);
}

TEST_CASE("without a transition clips are cut hard") {
  const scratch dir;
  const auto done = concat(three(dir, 0ms), dir / "out.mp4", {}).value();
  CHECK(done.frames == 75);
  const auto frames = frames_of(dir / "out.mp4");
  CHECK(is_close(frames[24].at(80, 45), red));
  CHECK(is_close(frames[25].at(80, 45), blue));
  CHECK(is_close(frames[50].at(80, 45), white));
}

TEST_CASE("other effects move instead of fading") {
  const scratch dir;
  auto options = three(dir, 400ms);
  options.effect = "wipeleft";
  REQUIRE(concat(options, dir / "out.mp4", {}).has_value());
  const auto middle = frames_of(dir / "out.mp4")[20];
  CHECK(is_close(middle.at(8, 45), red));
  CHECK(is_close(middle.at(152, 45), blue));
}

TEST_CASE("a longer sound is cut to the video and fades out") {
  const scratch dir;
  auto options = three(dir, 0ms);
  write_tone(dir / "audio", 16'000 * 10);
  options.audio = dir / "audio";
  REQUIRE(concat(options, dir / "out.mp4", {}).has_value());
  const auto facts = probe(dir / "out.mp4").value();
  CHECK(facts.audio_codec == "aac");
  CHECK(std::abs((facts.audio_length - 3000ms).count()) <= 22);
  CHECK(loudness(dir / "out.mp4", 200ms, 1200ms) > 0.1);
  CHECK(loudness(dir / "out.mp4", 2900ms, 3000ms) < 0.3 * loudness(dir / "out.mp4", 200ms, 1200ms));
}

TEST_CASE("a shorter sound is followed by silence") {
  const scratch dir;
  auto options = three(dir, 0ms);
  write_tone(dir / "audio", 16'000);
  options.audio = dir / "audio";
  REQUIRE(concat(options, dir / "out.mp4", {}).has_value());
  CHECK(std::abs((probe(dir / "out.mp4").value().audio_length - 3000ms).count()) <= 22);
  CHECK(loudness(dir / "out.mp4", 200ms, 900ms) > 0.1);
  CHECK(loudness(dir / "out.mp4", 1200ms, 3000ms) < 0.001);
}

TEST_CASE("clips of another size and rate are fitted into the first one's") {
  const scratch dir;
  auto options = three(dir, 200ms);
  write_clip(dir / "b", {.width = 90, .height = 160, .fps = 50, .frames = 50}, blue);
  REQUIRE(concat(options, dir / "out.mp4", {}).has_value());
  const auto facts = probe(dir / "out.mp4").value();
  CHECK(facts.width == 160);
  CHECK(facts.height == 90);
  CHECK(facts.frames == 65);
  const auto frame = frames_of(dir / "out.mp4")[32];
  CHECK(is_close(frame.at(80, 45), blue));
  CHECK(is_close(frame.at(20, 45), colour{}));
}

TEST_CASE("a single clip needs no transition") {
  const scratch dir;
  auto options = three(dir, 1000ms);
  options.clips.resize(1);
  CHECK(concat(options, dir / "out.mp4", {}).value().frames == 25);
}

TEST_CASE("a clip too short for its transitions is named") {
  const scratch dir;
  auto options = three(dir, 600ms);  // 15 frames twice, but clip 2 has 25
  const auto done = concat(options, dir / "out.mp4", {});
  REQUIRE_FALSE(done.has_value());
  CHECK(done.error().code == errc::bad_request);
  CHECK(done.error().detail.find("clip 2 ") != std::string::npos);
  CHECK(dir.files() == std::vector<std::string>{"a", "b", "c"});
}

TEST_CASE("unknown effects, expressions and impossible numbers are refused") {
  const scratch dir;
  auto options = three(dir, 100ms);
  options.effect = "custom";
  auto done = concat(options, dir / "out.mp4", {});
  REQUIRE_FALSE(done.has_value());
  CHECK(done.error().code == errc::bad_request);
  CHECK(done.error().detail.find("fade, ") != std::string::npos);
  options.effect = "fade:expr='x'";
  CHECK(concat(options, dir / "out.mp4", {}).error().code == errc::bad_request);
  options = three(dir, -1ms);
  CHECK(concat(options, dir / "out.mp4", {}).error().code == errc::bad_request);
  options.transition = 6s;
  CHECK(concat(options, dir / "out.mp4", {}).error().code == errc::bad_request);
  options.clips.clear();
  CHECK(concat(options, dir / "out.mp4", {}).error().code == errc::bad_request);
}
