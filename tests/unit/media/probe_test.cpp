#include <doctest/doctest.h>

#include "samples.hpp"

using namespace troupe;
using namespace troupe::media;
using namespace troupe::media::samples;

TEST_CASE("a picture's kind is found from its content, whatever its name") {
  const scratch dir;
  write_picture(dir / "photo.mp4", 33, 21, stripes());
  const auto facts = probe(dir / "photo.mp4").value();
  CHECK(facts.kind == file_kind::image);
  CHECK(facts.video_codec == "png");
  CHECK(facts.width == 33);
  CHECK(facts.height == 21);
}

TEST_CASE("a video's facts are those it was made with") {
  const scratch dir;
  write_moving_clip(dir / "clip", {.width = 320, .height = 180, .fps = 30, .frames = 45});
  const auto facts = probe(dir / "clip").value();
  CHECK(facts.kind == file_kind::video);
  CHECK(facts.video_codec == "h264");
  CHECK(facts.width == 320);
  CHECK(facts.height == 180);
  CHECK(facts.frame_rate == 30);
  CHECK(facts.frames == 45);
  CHECK(facts.length == 1500ms);
}

TEST_CASE("a sound's facts are those it was made with") {
  const scratch dir;
  write_tone(dir / "audio", 4000, 8000);
  const auto facts = probe(dir / "audio").value();
  CHECK(facts.kind == file_kind::audio);
  CHECK(facts.sample_rate == 8000);
  CHECK(facts.channels == 1);
  CHECK(facts.audio_length == 500ms);
}

TEST_CASE("what is no media is refused, what is not there is not found") {
  const scratch dir;
  write_bytes(dir / "text", "Just some words, and nothing else at all.\n");
  CHECK(probe(dir / "text").error().code == errc::bad_request);
  CHECK(probe(dir / "none").error().code == errc::not_found);
}

TEST_CASE("a playlist, which could make a reader open other files, is refused") {
  const scratch dir;
  write_bytes(dir / "list", "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n");
  CHECK(probe(dir / "list").error().code == errc::bad_request);
  write_bytes(dir / "list", "ffconcat version 1.0\nfile /etc/passwd\n");
  CHECK(probe(dir / "list").error().code == errc::bad_request);
}
