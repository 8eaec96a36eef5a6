#include <doctest/doctest.h>

#include <limits>

#include "samples.hpp"

using namespace troupe;
using namespace troupe::media;
using namespace troupe::media::samples;

namespace {

still_options small(const std::filesystem::path& image, duration length = 400ms) {
  return {.image = image, .length = length, .width = 160, .height = 90, .fps = 25, .zoom = 1, .threads = 2};
}

seen_frame first_frame(const scratch& dir, const still_options& options) {
  const auto done = still(options, dir / "clip.mp4", {});
  REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.error().detail));
  return frames_of(dir / "clip.mp4").front();
}

/// The EXIF orientation put into a JPEG without one (EXIF 2.3, tag 0x0112).
void set_orientation(const std::filesystem::path& path, char orientation) {
  const std::string tiff =
      std::string("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", 19) + orientation + std::string("\0\0\0\0\0\0", 6);
  const std::string exif = std::string("Exif\0\0", 6) + tiff;
  auto jpeg = read_bytes(path);
  jpeg.insert(2, std::string("\xff\xe1\0", 3) + static_cast<char>(exif.size() + 2) + exif);
  write_bytes(path, jpeg);
}

/// An 8 x 8 JPEG in Adobe's inverted CMYK: no cyan, all magenta, all yellow, no black, which is red. Flat blocks (ITU T.81).
std::string cmyk_jpeg() {
  std::string out(
      "\xff\xd8\xff\xee\x00\x0e"
      "Adobe\x00\x64\x00\x00\x00\x00\x00",
      18);
  out += std::string("\xff\xdb\x00\x43\x00", 5) + std::string(64, '\x08');
  out += std::string("\xff\xc0\x00\x14\x08\x00\x08\x00\x08\x04\x01\x11\x00\x02\x11\x00\x03\x11\x00\x04\x11\x00", 22);
  out += std::string("\xff\xc4\x00\x15\x00\x01\x01", 7) + std::string(14, '\0') + "\x07\x08";  // DC: 0 -> 7 bits, 10 -> 8 bits
  out += std::string("\xff\xc4\x00\x14\x10\x01", 6) + std::string(15, '\0') + std::string(1, '\0');  // AC: 0 -> end of block
  out += std::string("\xff\xda\x00\x0e\x04\x01\x00\x02\x00\x03\x00\x04\x00\x00\x3f\x00", 16);
  return out + "\x7f\x4f\xe9\xfc\xfe\xff\xd9";
}

}  // namespace

TEST_CASE("a still clip is H.264 High 4:2:0 of the wanted size, rate and number of frames") {
  const scratch dir;
  write_picture(dir / "in", 320, 180, stripes());
  progress_witness progress;
  auto options = small(dir / "in", 1500ms);
  options.zoom = 1.2;
  const auto done = still(options, dir / "clip.mp4", progress.listener()).value();
  CHECK(done.frames == 38);  // 37.5 rounded
  CHECK(done.length == 1520ms);
  const auto facts = probe(dir / "clip.mp4").value();
  CHECK(facts.kind == file_kind::video);
  CHECK(facts.video_codec == "h264");
  CHECK(facts.audio_codec.empty());
  CHECK(facts.width == 160);
  CHECK(facts.height == 90);
  CHECK(facts.frame_rate == 25);
  CHECK(facts.frames == 38);
  CHECK(facts.video_length == 1520ms);
  CHECK(frames_of(dir / "clip.mp4").size() == 38);
  CHECK(progress.rose_to_the_end());
  CHECK(dir.files() == std::vector<std::string>{"clip.mp4", "in"});
}

TEST_CASE("with a zoom every frame differs from the one before, without it none does") {
  const scratch dir;
  write_picture(dir / "in", 320, 180, stripes());
  auto options = small(dir / "in", 800ms);
  options.zoom = 1.3;
  REQUIRE(still(options, dir / "clip.mp4", {}).has_value());
  const auto moving = frames_of(dir / "clip.mp4");
  for (std::size_t i = 1; i < moving.size(); ++i) CHECK(difference(moving[i - 1], moving[i]) > 0.3);
  options.zoom = 1;
  REQUIRE(still(options, dir / "clip.mp4", {}).has_value());
  const auto standing = frames_of(dir / "clip.mp4");
  CHECK(difference(standing.front(), standing.back()) < 2);
}

TEST_CASE("the colours of the picture arrive") {
  const scratch dir;
  write_picture(dir / "in", 160, 90, halves(160));
  const auto frame = first_frame(dir, small(dir / "in"));
  CHECK(is_close(frame.at(30, 45), red));
  CHECK(is_close(frame.at(130, 45), blue));
}

TEST_CASE("a tall picture is shown whole before a darkened copy, without distortion") {
  const scratch dir;
  write_picture(dir / "in", 100, 200, [](int, int y) { return y < 100 ? white : red; });
  const auto frame = first_frame(dir, small(dir / "in"));
  CHECK(is_close(frame.at(80, 5), white));
  CHECK(is_close(frame.at(80, 85), red));
  // 90 high, so 45 wide (44 as an even number): beyond it the background is darker.
  CHECK(is_close(frame.at(62, 10), white));
  for (const int x : {2, 10, 50, 110, 157}) {
    CAPTURE(x);
    CHECK(is_close(frame.at(x, 5), {114, 114, 114}, 12));  // 45 % of white
    CHECK(is_close(frame.at(x, 85), {102, 0, 0}, 12));
  }
}

TEST_CASE("a picture of nearly the frame's shape fills it") {
  const scratch dir;
  write_picture(dir / "in", 300, 200, [](int, int) { return white; });
  const auto frame = first_frame(dir, small(dir / "in"));
  for (const int x : {1, 80, 158}) CHECK(is_close(frame.at(x, 45), white));
}

TEST_CASE("odd and extreme sizes become clips") {
  const scratch dir;
  struct extent {
    int width, height;
  };
  for (const auto& [width, height] :
       {extent{1, 1}, extent{501, 333}, extent{1, 700}, extent{3000, 1}, extent{7, 5}, extent{2, 2}}) {
    write_picture(dir / "in", width, height, [](int, int) { return red; });
    const auto frame = first_frame(dir, small(dir / "in", 80ms));
    CAPTURE(width);
    CHECK(is_close(frame.at(79, 44), red, 40));
  }
}

TEST_CASE("every kind of picture is understood") {
  const scratch dir;
  for (const auto& kind : {picture_kind{"png", "rgba"}, picture_kind{"png", "gray"}, picture_kind{"png", "gray16be"},
                           picture_kind{"png", "rgb48be"}, picture_kind{"png", "ya8"}, picture_kind{"png", "rgba64be"},
                           picture_kind{"png", "monob"}, picture_kind{"mjpeg", "yuvj420p"}, picture_kind{"mjpeg", "yuvj444p"},
                           picture_kind{"bmp", "bgr24"}, picture_kind{"tiff", "rgb24"}, picture_kind{"gif", "rgb8", "gif"},
                           picture_kind{"ppm", "rgb24"}, picture_kind{"libwebp", "yuv420p"}}) {
    CAPTURE(kind.codec);
    CAPTURE(kind.pixels);
    write_picture(
        dir / "in", 96, 54, [](int x, int) { return x < 48 ? white : colour{}; }, kind);
    const auto frame = first_frame(dir, small(dir / "in", 80ms));
    CHECK(is_close(frame.at(30, 45), white, 40));
    CHECK(is_close(frame.at(130, 45), colour{}, 40));
  }
}

TEST_CASE("a palette picture keeps its colours") {
  const scratch dir;
  write_picture(dir / "in", 96, 54, halves(96), {"gif", "rgb8", "gif"});
  const auto frame = first_frame(dir, small(dir / "in", 80ms));
  CHECK(is_close(frame.at(30, 45), red, 40));
  CHECK(is_close(frame.at(130, 45), blue, 40));
}

TEST_CASE("a CMYK JPEG keeps its colours") {
  const scratch dir;
  write_bytes(dir / "in", cmyk_jpeg());
  CHECK(is_close(first_frame(dir, small(dir / "in", 80ms)).at(80, 45), red));
}

TEST_CASE("a transparent picture lies on white") {
  const scratch dir;
  write_picture(dir / "in", 96, 54,
                [](int x, int) {
                  return x < 48 ? colour{0, 0, 0, 0} : colour{0, 0, 255, 255};
                },
                {"png", "rgba"});
  const auto frame = first_frame(dir, small(dir / "in", 80ms));
  CHECK(is_close(frame.at(30, 45), white));
  CHECK(is_close(frame.at(130, 45), blue));
}

TEST_CASE("of an animation the first picture is taken") {
  const scratch dir;
  const std::vector<painter> pictures{[](int, int) { return red; }, [](int, int) { return blue; }};
  write_animation(dir / "in", 96, 54, pictures, {"gif", "rgb8", "gif"});
  CHECK(is_close(first_frame(dir, small(dir / "in", 80ms)).at(80, 45), red));
  write_animation(dir / "in", 96, 54, pictures, {"apng", "rgb24", "apng"});
  CHECK(is_close(first_frame(dir, small(dir / "in", 80ms)).at(80, 45), red));
}

TEST_CASE("a photograph taken with the camera turned stands upright (EXIF 2.3, orientation)") {
  const scratch dir;
  // As stored: left half red, right half blue. What a viewer must show is told by the orientation.
  const auto shown = [&](char orientation, int width, int height) {
    write_picture(dir / "in", 160, 90, halves(160), {"mjpeg", "yuvj444p"});
    set_orientation(dir / "in", orientation);
    auto options = small(dir / "in", 80ms);
    options.width = width;
    options.height = height;
    return first_frame(dir, options);
  };
  CHECK(is_close(shown(1, 160, 90).at(30, 45), red));
  CHECK(is_close(shown(2, 160, 90).at(30, 45), blue));
  CHECK(is_close(shown(3, 160, 90).at(30, 45), blue));
  CHECK(is_close(shown(6, 90, 160).at(45, 30), red));  // turned clockwise: what was left is above
  CHECK(is_close(shown(6, 90, 160).at(45, 130), blue));
  CHECK(is_close(shown(8, 90, 160).at(45, 30), blue));
}

TEST_CASE("the same picture gives the same bytes, another zoom others") {
  const scratch dir;
  write_picture(dir / "in", 320, 180, stripes());
  auto options = small(dir / "in");
  options.width = 128;  // a width at which libx264 repeats itself, see media_writer
  options.height = 72;
  options.zoom = 1.2;
  REQUIRE(still(options, dir / "a.mp4", {}).has_value());
  REQUIRE(still(options, dir / "b.mp4", {}).has_value());
  CHECK(read_bytes(dir / "a.mp4") == read_bytes(dir / "b.mp4"));
  options.zoom = 1.3;
  REQUIRE(still(options, dir / "b.mp4", {}).has_value());
  CHECK(read_bytes(dir / "a.mp4") != read_bytes(dir / "b.mp4"));
}

TEST_CASE("options out of range are refused with what is accepted, and nothing is written") {
  const scratch dir;
  write_picture(dir / "in", 32, 18, stripes());
  std::vector<still_options> bad(8, small(dir / "in"));
  bad[0].width = 161;
  bad[1].height = 0;
  bad[2].width = 100'000;
  bad[3].fps = 0;
  bad[4].fps = 1000;
  bad[5].zoom = 0.5;
  bad[6].zoom = std::numeric_limits<double>::quiet_NaN();
  bad[7].length = 0ms;
  for (const auto& options : bad) {
    const auto done = still(options, dir / "clip.mp4", {});
    REQUIRE_FALSE(done.has_value());
    CHECK(done.error().code == errc::bad_request);
  }
  CHECK(dir.files() == std::vector<std::string>{"in"});
}
