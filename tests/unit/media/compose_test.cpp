#include <doctest/doctest.h>

#include <cmath>

#include "samples.hpp"

using namespace troupe;
using namespace troupe::media;
using namespace troupe::media::samples;

namespace {

compose_options from(const scratch& dir) {
  return {.clip = dir / "clip", .audio = dir / "audio", .title = "", .captions = "", .threads = 2};
}

compose_result compose_ok(const compose_options& options, const std::filesystem::path& out) {
  const auto done = compose(options, out, {});
  REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.error().detail));
  return *done;
}

}  // namespace

TEST_CASE("a composed video is MP4 with H.264 and AAC, its index in front, both as long as the sound") {
  const scratch dir;
  write_moving_clip(dir / "clip", {.frames = 25});
  write_tone(dir / "audio", 16'000 * 2 + 777);
  progress_witness progress;
  auto options = from(dir);
  options.title = "A title";
  options.captions = "Some words. And some more of them.";
  const auto done = compose(options, dir / "out.mp4", progress.listener()).value();
  CHECK(done.length == 2049ms);
  CHECK(done.frames == 51);
  CHECK(done.width == 160);
  CHECK(done.height == 90);
  const auto facts = probe(dir / "out.mp4").value();
  CHECK(facts.video_codec == "h264");
  CHECK(facts.audio_codec == "aac");
  CHECK(facts.sample_rate == 48'000);
  CHECK(facts.channels == 2);
  CHECK(facts.frames == 51);
  CHECK(std::abs((facts.video_length - done.length).count()) <= 40);
  CHECK(std::abs((facts.audio_length - done.length).count()) <= 22);  // one frame of AAC
  const auto bytes = read_bytes(dir / "out.mp4");
  CHECK(bytes.find("moov") < bytes.find("mdat"));
  CHECK(progress.rose_to_the_end());
  CHECK(dir.files() == std::vector<std::string>{"audio", "clip", "out.mp4"});
}

TEST_CASE("of a shorter clip the last frame stands still until the sound ends") {
  const scratch dir;
  write_moving_clip(dir / "clip", {.frames = 10});
  write_tone(dir / "audio", 16'000);
  CHECK(compose_ok(from(dir), dir / "out.mp4").frames == 25);
  const auto frames = frames_of(dir / "out.mp4");
  REQUIRE(frames.size() == 25);
  const auto source = frames_of(dir / "clip");
  for (std::size_t i = 0; i < frames.size(); ++i) CHECK(difference(frames[i], source[std::min<std::size_t>(i, 9)]) < 4);
}

TEST_CASE("a longer clip is cut") {
  const scratch dir;
  write_moving_clip(dir / "clip", {.frames = 60});
  write_tone(dir / "audio", 16'000);
  CHECK(compose_ok(from(dir), dir / "out.mp4").frames == 25);
  CHECK(frames_of(dir / "out.mp4").size() == 25);
}

TEST_CASE("lengths fit for any number of samples and frame rates that divide nothing") {
  const scratch dir;
  for (const int fps : {24, 30, 7}) {
    write_moving_clip(dir / "clip", {.fps = fps, .frames = 5});
    for (const int samples : {100, 1000, 22'051, 33'333}) {
      write_tone(dir / "audio", samples, 22'050);
      const auto done = compose_ok(from(dir), dir / "out.mp4");
      const auto seconds = static_cast<double>(samples) / 22'050;
      CHECK(std::abs(static_cast<double>(done.frames) - std::max(1.0, seconds * fps)) <= 1);
      const auto heard = static_cast<double>(probe(dir / "out.mp4").value().audio_length.count()) / 1000;
      CHECK(std::abs(heard - seconds) < 1.0 / fps);
    }
  }
}

TEST_CASE("the sound arrives at its place and its loudness") {
  const scratch dir;
  write_moving_clip(dir / "clip", {});
  write_tone(dir / "audio", 16'000);
  compose_ok(from(dir), dir / "out.mp4");
  CHECK(loudness(dir / "out.mp4", 200ms, 800ms) == doctest::Approx(loudness(dir / "audio", 200ms, 800ms)).epsilon(0.1));
}

TEST_CASE("the title stands above and fades, the captions stand below all the time") {
  const scratch dir;
  write_clip(dir / "clip", {.width = 320, .height = 180, .frames = 25}, grey);
  write_tone(dir / "audio", 16'000 * 6);
  auto options = from(dir);
  options.title = "The Title";
  options.captions = "Words that are said at this moment.";
  compose_ok(options, dir / "out.mp4");
  const auto frames = frames_of(dir / "out.mp4");
  const auto plain = frames.front().brightness(0, 80, 320, 110);
  const auto above = [&](std::size_t i) { return std::abs(frames[i].brightness(120, 16, 200, 30) - plain); };
  const auto below = [&](std::size_t i) { return std::abs(frames[i].brightness(120, 150, 200, 168) - plain); };
  CHECK(above(0) < 3);          // before the fade
  CHECK(above(8) > 3);          // within it
  CHECK(above(60) > above(8));  // in full
  CHECK(above(140) < 3);        // gone after 4.7 s
  for (const std::size_t i : {10, 60, 100, 140}) CHECK(below(i) > 8);
  for (const std::size_t i : {10, 60, 140}) CHECK(frames[i].brightness(0, 80, 320, 110) == doctest::Approx(plain).epsilon(0.02));
}

TEST_CASE("captions follow each other") {
  const scratch dir;
  write_clip(dir / "clip", {.width = 320, .height = 180}, grey);
  write_tone(dir / "audio", 16'000 * 2);
  auto options = from(dir);
  options.captions = "The first sentence is spoken now and here. The second one looks different altogether.";
  compose_ok(options, dir / "out.mp4");
  const auto frames = frames_of(dir / "out.mp4");
  CHECK(difference(frames[10], frames[15]) < 0.5);
  CHECK(difference(frames[10], frames[40]) > 1);
}

TEST_CASE("titles and captions of any text are drawn and never read as commands") {
  const scratch dir;
  write_clip(dir / "clip", {.width = 320, .height = 180, .frames = 5}, grey);
  write_tone(dir / "audio", 3200);
  for (const std::string text :
       {"It's 5:30, \"quoted\", 100% \\ %{pts} %{eif\\:1\\:d}", "':textfile=/etc/passwd:x='", "a\nb\nc\nd",
        "[in]drawbox[out];,nullsink", "漢字かな交じり文 ελληνικά עברית العربية 🎬", "\xff\xfe broken \xc3", "%", "\\"}) {
    auto options = from(dir);
    options.title = options.captions = text;
    CAPTURE(text);
    CHECK(compose_ok(options, dir / "out.mp4").frames == 5);
  }
  auto options = from(dir);
  options.title = std::string(300, 'W');
  options.captions = std::string(2000, 'm') + " " + std::string(500, ' ') + "end";
  CHECK(compose_ok(options, dir / "out.mp4").frames == 5);
}

TEST_CASE("too long titles and captions are refused") {
  const scratch dir;
  auto options = from(dir);
  options.title = std::string(301, 'a');
  CHECK(compose(options, dir / "out.mp4", {}).error().code == errc::bad_request);
  options = from(dir);
  options.captions = std::string(50'001, 'a');
  CHECK(compose(options, dir / "out.mp4", {}).error().code == errc::bad_request);
}

TEST_CASE("a composed video can be the clip or the sound of another one") {
  const scratch dir;
  write_moving_clip(dir / "clip", {.frames = 10});
  write_tone(dir / "audio", 16'000);
  compose_ok(from(dir), dir / "first.mp4");
  auto options = from(dir);
  options.clip = options.audio = dir / "first.mp4";
  CHECK(compose_ok(options, dir / "second.mp4").frames == 25);
}

TEST_CASE("the same inputs give the same bytes, another title others") {
  const scratch dir;
  write_moving_clip(dir / "clip", {.width = 128, .height = 72});  // a width at which libx264 repeats itself, see media_writer
  write_tone(dir / "audio", 16'000);
  auto options = from(dir);
  options.title = "Twice";
  compose_ok(options, dir / "a.mp4");
  compose_ok(options, dir / "b.mp4");
  CHECK(read_bytes(dir / "a.mp4") == read_bytes(dir / "b.mp4"));
  options.title = "Once";
  compose_ok(options, dir / "b.mp4");
  CHECK(read_bytes(dir / "a.mp4") != read_bytes(dir / "b.mp4"));
}
