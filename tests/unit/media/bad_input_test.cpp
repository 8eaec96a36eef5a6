// Goal: no user's file can do more than be refused. Method: real files, cut, swapped and spoilt.
#include <doctest/doctest.h>

#include "samples.hpp"

using namespace troupe;
using namespace troupe::media;
using namespace troupe::media::samples;

namespace {

error refused_still(const scratch& dir) {
  const auto done = still({.image = dir / "in", .length = 80ms, .width = 64, .height = 36, .fps = 25, .zoom = 1, .threads = 1},
                          dir / "out.mp4", {});
  REQUIRE_FALSE(done.has_value());
  CHECK_FALSE(std::filesystem::exists(dir / "out.mp4"));
  CHECK_FALSE(std::filesystem::exists(dir / "out.mp4.part"));
  return done.error();
}

error refused_compose(const scratch& dir) {
  const auto done =
      compose({.clip = dir / "clip", .audio = dir / "audio", .title = "", .captions = "", .threads = 1}, dir / "out.mp4", {});
  REQUIRE_FALSE(done.has_value());
  CHECK_FALSE(std::filesystem::exists(dir / "out.mp4"));
  CHECK_FALSE(std::filesystem::exists(dir / "out.mp4.part"));
  return done.error();
}

void check_blames(const error& failure, const std::string& role) {
  CHECK(failure.code == errc::bad_request);
  CHECK(failure.detail.rfind(role, 0) == 0);
  CHECK(failure.detail.find("accepted is ") != std::string::npos);
}

std::string big_endian(std::uint32_t n) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(n >> shift));
  return out;
}

/// A chunk with its CRC-32 (PNG specification, section 5).
std::string png_chunk(const std::string& type_and_data) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const unsigned char byte : type_and_data) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? 0xEDB88320 ^ crc >> 1 : crc >> 1;
  }
  return big_endian(static_cast<std::uint32_t>(type_and_data.size() - 4)) + type_and_data + big_endian(~crc);
}

/// A PNG that claims a size and has no pixels.
std::string png_of_size(std::uint32_t width, std::uint32_t height) {
  return std::string("\x89PNG\r\n\x1a\n", 8)
         + png_chunk("IHDR" + big_endian(width) + big_endian(height) + std::string("\x08\x02\0\0\0", 5))
         + png_chunk(std::string("IDAT\x78\x9c\x03\0\0\0\0\x01", 12)) + png_chunk("IEND");
}

}  // namespace

TEST_CASE("a cut-off picture is refused, wherever it is cut") {
  const scratch dir;
  for (const auto& kind : {picture_kind{"png", "rgb24"}, picture_kind{"mjpeg", "yuvj420p"}}) {
    for (const double part : {0.01, 0.3, 0.6, 0.9}) {
      CAPTURE(kind.codec);
      CAPTURE(part);
      write_picture(dir / "in", 200, 200, stripes(), kind);
      cut_file(dir / "in", part);
      check_blames(refused_still(dir), "the picture");
    }
  }
}

TEST_CASE("empty files, folders, texts and noise are no pictures") {
  const scratch dir;
  write_bytes(dir / "in", "");
  check_blames(refused_still(dir), "the picture is empty");
  write_bytes(dir / "in", "hello");
  check_blames(refused_still(dir), "the picture");
  std::string noise;
  for (unsigned i = 0, state = 1; i < 5000; ++i) noise.push_back(static_cast<char>((state = state * 1664525 + 1013904223) >> 24));
  write_bytes(dir / "in", noise);
  check_blames(refused_still(dir), "the picture");
  std::filesystem::remove(dir / "in");
  CHECK(refused_still(dir).code == errc::not_found);
  std::filesystem::create_directory(dir / "in");
  check_blames(refused_still(dir), "the picture is a folder");
}

TEST_CASE("a picture of more than 100 megapixels is refused with its size, before memory is taken") {
  const scratch dir;
  write_bytes(dir / "in", png_of_size(15'000, 15'000));
  const auto failure = refused_still(dir);
  check_blames(failure, "the picture is too large");
  CHECK(failure.detail.find("15000 x 15000") != std::string::npos);
  write_bytes(dir / "in", png_of_size(20'000, 20'000));  // libav's own limit comes first
  CHECK(refused_still(dir).detail.find("20000x20000") != std::string::npos);
  for (const std::uint32_t side : {0U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
    write_bytes(dir / "in", png_of_size(side, side));
    check_blames(refused_still(dir), "the picture");
  }
}

TEST_CASE("a sound or a video is no picture, and the answer says what it is") {
  const scratch dir;
  write_tone(dir / "in", 8000);
  auto failure = refused_still(dir);
  check_blames(failure, "the picture");
  CHECK(failure.detail.find("WAV") != std::string::npos);
  write_moving_clip(dir / "in", {});
  failure = refused_still(dir);
  check_blames(failure, "the picture");
  CHECK(failure.detail.find("QuickTime") != std::string::npos);
}

TEST_CASE("compose names the file that is wrong") {
  const scratch dir;
  write_picture(dir / "clip", 64, 36, stripes());
  write_tone(dir / "audio", 8000);
  check_blames(refused_compose(dir), "the clip is a picture");
  write_moving_clip(dir / "clip", {});
  write_picture(dir / "audio", 64, 36, stripes());
  check_blames(refused_compose(dir), "the audio is a picture");
  write_moving_clip(dir / "audio", {});
  check_blames(refused_compose(dir), "the audio has no sound");
  write_tone(dir / "clip", 8000);
  write_tone(dir / "audio", 8000);
  check_blames(refused_compose(dir), "the clip");
}

TEST_CASE("a cut-off clip is refused") {
  const scratch dir;
  write_tone(dir / "audio", 32'000);
  for (const double part : {0.02, 0.3, 0.9}) {
    write_moving_clip(dir / "clip", {.frames = 50});
    cut_file(dir / "clip", part);
    CAPTURE(part);
    check_blames(refused_compose(dir), "the clip");
  }
}

TEST_CASE("a sound without samples is refused, a cut-off one is as long as what is left") {
  const scratch dir;
  write_moving_clip(dir / "clip", {});
  write_tone(dir / "audio", 16'000);
  std::filesystem::resize_file(dir / "audio", 44);
  check_blames(refused_compose(dir), "the audio");
  std::filesystem::resize_file(dir / "audio", 20);
  check_blames(refused_compose(dir), "the audio");
  write_tone(dir / "audio", 16'000);
  cut_file(dir / "audio", 0.5);
  const auto done =
      compose({.clip = dir / "clip", .audio = dir / "audio", .title = "", .captions = "", .threads = 1}, dir / "out.mp4", {});
  REQUIRE(done.has_value());
  CHECK(done->length > 480ms);
  CHECK(done->length < 510ms);
}

TEST_CASE("bytes changed at random spoil a file at worst") {
  const scratch dir;
  write_tone(dir / "tone", 4000);
  write_moving_clip(dir / "movie", {.width = 64, .height = 36, .frames = 5});
  write_picture(dir / "png", 40, 30, stripes());
  write_picture(dir / "jpeg", 40, 30, stripes(), {"mjpeg", "yuvj420p"});
  write_picture(dir / "gif", 40, 30, stripes(), {"gif", "rgb8", "gif"});
  std::uint32_t state = 12345;
  const auto random = [&](std::size_t below) {
    return static_cast<std::size_t>((state = state * 1664525 + 1013904223) >> 8) % below;
  };
  for (int round = 0; round < 25; ++round) {
    for (const auto* name : {"tone", "movie", "png", "jpeg", "gif"}) {
      auto bytes = read_bytes(dir / name);
      for (int i = 0; i < 6; ++i) bytes[random(bytes.size())] = static_cast<char>(random(256));
      write_bytes(dir / "in", bytes);
      if (const auto facts = probe(dir / "in"); !facts) CHECK(facts.error().code == errc::bad_request);
      const auto clip =
          still({.image = dir / "in", .length = 40ms, .width = 32, .height = 18, .fps = 25, .zoom = 1, .threads = 1},
                dir / "out.mp4", {});
      if (!clip) CHECK(clip.error().code == errc::bad_request);
      const auto is_sound = std::string(name) == "tone";
      const auto film = compose({.clip = is_sound ? dir / "movie" : dir / "in",
                                 .audio = is_sound ? dir / "in" : dir / "tone",
                                 .title = "",
                                 .captions = "",
                                 .threads = 1},
                                dir / "out.mp4", {});
      if (!film) CHECK(film.error().code == errc::bad_request);
      CHECK_FALSE(std::filesystem::exists(dir / "out.mp4.part"));
    }
  }
}
