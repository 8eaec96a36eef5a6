#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>

#include "media/audio_feed.hpp"
#include "media/planes.hpp"
#include "media/timed_reader.hpp"
#include "media/writer.hpp"
#include "samples.hpp"

using namespace troupe;
using namespace troupe::media;
using namespace troupe::media::detail;
using namespace troupe::media::samples;

namespace {

constexpr int samples_in_40_ms = 1920;

result<void> copy(const picture_batch& batch) {
  const auto values = batch.count * 3 * static_cast<std::size_t>(batch.width) * static_cast<std::size_t>(batch.height);
  std::copy_n(batch.in, values, batch.out);
  return {};
}

/// Each pixel four times.
result<void> double_pixels(const picture_batch& batch) {
  const auto width = static_cast<std::size_t>(batch.width);
  for (std::size_t row = 0; row < batch.count * 3 * static_cast<std::size_t>(batch.height); ++row)
    for (std::size_t i = 0; i < 4 * width; ++i) batch.out[row * 4 * width + i] = batch.in[row * width + i % (2 * width) / 2];
  return {};
}

transform_result transformed(const transform_options& options, const std::filesystem::path& out, const picture_fn& how,
                             const progress_fn& report = {}) {
  const auto done = transform_video(options, out, how, report);
  REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.error().detail));
  return *done;
}

/// 25 frames of 40 ms, black but for the flash in frame 10, with a tone of one frame's length at the same time.
void write_flash_with_tone(const std::filesystem::path& path, std::int64_t sound_frames = 25) {
  auto writer = media_writer::create(path, media_writer::container::mp4).value();
  writer.add_video({.width = 128, .height = 64, .frame_rate = {25, 1}}).value();
  writer.add_audio({}).value();
  writer.start().value();
  for (int i = 0; i < 25; ++i) {
    const auto frame = make_picture(128, 64, AV_PIX_FMT_YUV420P);
    for (int plane = 0; plane < 3; ++plane)
      std::fill_n(frame->data[plane], frame->linesize[plane] * (plane == 0 ? 64 : 32),
                  static_cast<std::uint8_t>(plane != 0 ? 128
                                            : i == 10  ? 235
                                                       : 16));
    writer.write_video(*frame).value();
  }
  for (std::int64_t at = 0; at < sound_frames * samples_in_40_ms; at += writer.audio_frame_size()) {
    const auto piece = make_silence(writer.audio_frame_size());
    for (int i = 0; i < piece->nb_samples; ++i) {
      const bool is_loud = (at + i) / samples_in_40_ms == 10;
      for (int channel = 0; channel < audio_feed::channels; ++channel)
        reinterpret_cast<float*>(piece->extended_data[channel])[i] = is_loud && i / 24 % 2 == 0 ? 0.8F : 0.0F;
    }
    writer.write_audio(*piece).value();
  }
  writer.finish().value();
}

/// A clip whose frames come at these times, in milliseconds.
void write_uneven_clip(const std::filesystem::path& path, const std::vector<std::int64_t>& times) {
  auto writer = media_writer::create(path, media_writer::container::mp4).value();
  writer.add_video({.width = 64, .height = 64, .frame_rate = {25, 1}, .time_base = {1, 1000}}).value();
  writer.start().value();
  for (std::size_t i = 0; i < times.size(); ++i) {
    const auto frame = make_picture(64, 64, AV_PIX_FMT_YUV420P);
    for (int plane = 0; plane < 3; ++plane)
      std::fill_n(frame->data[plane], frame->linesize[plane] * (plane == 0 ? 64 : 32), static_cast<std::uint8_t>(60 + 10 * i));
    writer.write_video(*frame, times[i], i + 1 < times.size() ? times[i + 1] - times[i] : 40).value();
  }
  writer.finish().value();
}

std::vector<std::int64_t> times_of(const std::filesystem::path& path) {
  auto reader = timed_reader::open(path, role_of(media_kind::video, "the video"), 1).value();
  std::vector<std::int64_t> times;
  while (const auto frame = reader.next().value())
    times.push_back(av_rescale_q(frame->pts, reader.reader().time_base(), {1, 1000}));
  return times;
}

}  // namespace

TEST_CASE("a video that is not changed looks as before and keeps its frames and its length") {
  const scratch dir;
  write_moving_clip(dir / "in.mp4", {.width = 160, .height = 96, .frames = 30});
  progress_witness progress;
  const auto done = transformed({.input = dir / "in.mp4", .batch_most = 4}, dir / "out.mp4", copy, progress.listener());
  CHECK(done.frames == 30);
  CHECK(done.length == 1200ms);
  CHECK(done.width == 160);
  CHECK(done.height == 96);
  CHECK(progress.rose_to_the_end());
  const auto before = frames_of(dir / "in.mp4"), after = frames_of(dir / "out.mp4");
  REQUIRE(after.size() == before.size());
  for (std::size_t i = 0; i < after.size(); ++i)
    CHECK(difference(before[i], after[i]) < 8);  // mostly of colours, which have half the size
  const auto facts = probe(dir / "out.mp4").value();
  CHECK(facts.frames == 30);
  CHECK(facts.audio_codec.empty());
  CHECK(dir.files() == std::vector<std::string>{"in.mp4", "out.mp4"});
}

TEST_CASE("a video becomes larger; its sound is kept, at its time") {
  const scratch dir;
  write_flash_with_tone(dir / "in.mp4");
  const auto done = transformed({.input = dir / "in.mp4", .scale = 2}, dir / "out.mp4", double_pixels);
  CHECK(done.width == 256);
  CHECK(done.height == 128);
  CHECK(done.frames == 25);
  const auto facts = probe(dir / "out.mp4").value();
  CHECK(facts.width == 256);
  CHECK(facts.audio_codec == "aac");
  CHECK(facts.audio_length >= 990ms);
  CHECK(facts.audio_length <= 1060ms);
  const auto frames = frames_of(dir / "out.mp4");
  REQUIRE(frames.size() == 25);
  for (std::size_t i = 0; i < frames.size(); ++i) CHECK((frames[i].brightness(0, 0, 256, 128) > 128) == (i == 10));
  const double there = loudness(dir / "out.mp4", 400ms, 440ms);
  CHECK(there > 0.2);
  CHECK(loudness(dir / "out.mp4", 0ms, 380ms) < there / 20);
  CHECK(loudness(dir / "out.mp4", 460ms, 1000ms) < there / 20);
}

TEST_CASE("frames at an uneven pace keep their times") {
  const scratch dir;
  const std::vector<std::int64_t> times{0, 40, 50, 200, 210, 650, 651, 700};
  write_uneven_clip(dir / "in.mp4", times);
  REQUIRE(times_of(dir / "in.mp4") == times);
  const auto done = transformed({.input = dir / "in.mp4", .batch_most = 3}, dir / "out.mp4", copy);
  CHECK(done.frames == times.size());
  CHECK(done.length == 740ms);
  CHECK(times_of(dir / "out.mp4") == times);
  CHECK(probe(dir / "out.mp4").value().video_length == 740ms);
}

TEST_CASE("all frames come in order, in batches that are full but for the last one") {
  const scratch dir;
  write_moving_clip(dir / "in.mp4", {.width = 64, .height = 64, .frames = 10});
  std::vector<std::size_t> batches;
  const auto count = [&](const picture_batch& batch) {
    batches.push_back(batch.count);
    return copy(batch);
  };
  transformed({.input = dir / "in.mp4", .batch_most = 4}, dir / "out.mp4", count);
  CHECK(batches == std::vector<std::size_t>{4, 4, 2});
}

TEST_CASE("what a function refuses ends the work, and nothing is left of it") {
  const scratch dir;
  write_moving_clip(dir / "in.mp4", {.width = 64, .height = 64, .frames = 60});
  int calls = 0;
  const auto refuse_third = [&](const picture_batch& batch) -> result<void> {
    if (++calls == 3) return error{errc::bad_request, "no more"};
    return copy(batch);
  };
  const auto done = transform_video({.input = dir / "in.mp4"}, dir / "out.mp4", refuse_third, {});
  REQUIRE_FALSE(done.has_value());
  CHECK(done.error() == error{errc::bad_request, "no more"});
  const auto thrown = transform_video({.input = dir / "in.mp4"}, dir / "out.mp4",
                                      [](const picture_batch&) -> result<void> { throw std::bad_alloc(); }, {});
  REQUIRE_FALSE(thrown.has_value());
  CHECK(thrown.error().code == errc::io_failed);
  CHECK(dir.files() == std::vector<std::string>{"in.mp4"});
}

TEST_CASE("what is no video, too large or an odd size is answered clearly or cut by a pixel") {
  const scratch dir;
  write_bytes(dir / "text", "no video");
  CHECK(transform_video({.input = dir / "text"}, dir / "out.mp4", copy, {}).error().code == errc::bad_request);
  write_moving_clip(dir / "in.mp4", {.width = 1024, .height = 64, .frames = 2});
  const auto large = transform_video({.input = dir / "in.mp4", .scale = 8}, dir / "out.mp4", copy, {});
  REQUIRE_FALSE(large.has_value());
  CHECK(large.error().detail.find("would have 8192 x 512") != std::string::npos);
  CHECK_FALSE(transform_video({.input = dir / "in.mp4", .scale = 9}, dir / "out.mp4", copy, {}).has_value());
  write_animation(dir / "odd.avi", 35, 23, {stripes(), stripes()}, {.codec = "ffv1", .pixels = "bgra", .muxer = "avi"});
  const auto odd = transformed({.input = dir / "odd.avi"}, dir / "odd.mp4", copy);
  CHECK(odd.width == 34);
  CHECK(odd.height == 22);
}

TEST_CASE("a picture comes back to the last bit when nothing is done to it, and twice as large when each pixel is doubled") {
  const scratch dir;
  write_picture(dir / "in.png", 37, 21, stripes());
  progress_witness progress;
  const auto same = transform_picture({.input = dir / "in.png"}, dir / "same.png", copy, progress.listener()).value();
  CHECK(same.frames == 1);
  CHECK(same.length == 0ms);
  CHECK(progress.rose_to_the_end());
  const auto seen_by = [](const std::filesystem::path& path) {
    std::vector<float> values;
    int width = 0;
    const auto look = [&](const picture_batch& batch) {
      values.assign(batch.in, batch.in + 3 * batch.width * batch.height);
      width = batch.width;
      return copy(batch);
    };
    auto ignored = path;
    REQUIRE(transform_picture({.input = path}, ignored.replace_extension(".copy"), look, {}).has_value());
    return std::pair{width, values};
  };
  CHECK(seen_by(dir / "in.png") == seen_by(dir / "same.png"));
  const auto large = transform_picture({.input = dir / "in.png", .scale = 2}, dir / "large.png", double_pixels, {}).value();
  CHECK(large.width == 74);
  CHECK(large.height == 42);
  const auto [width, values] = seen_by(dir / "large.png");
  CHECK(width == 74);
  const auto small = seen_by(dir / "in.png").second;
  CHECK(values[2 * 3 + 74 * 2 * 5] == small[3 + 37 * 5]);
}

TEST_CASE("what is no number does not reach the encoder") {
  const scratch dir;
  write_picture(dir / "in.png", 32, 32, stripes());
  const auto done =
      transform_picture({.input = dir / "in.png"}, dir / "out.png",
                        [](const picture_batch& batch) -> result<void> {
                          std::fill_n(batch.out, 3 * batch.width * batch.height, std::numeric_limits<float>::quiet_NaN());
                          batch.out[0] = 1e30F;
                          return {};
                        },
                        {});
  REQUIRE(done.has_value());
}

namespace {

/// A picture of 16 x 2 pixels, red, green and blue the same everywhere but in one column.
frame_ptr frame_with_column(std::array<float, 3> colour, int column, std::array<float, 3> other, AVColorSpace matrix) {
  constexpr int width = 16, height = 2;
  std::vector<float> values;
  for (std::size_t c = 0; c < 3; ++c)
    for (int i = 0; i < width * height; ++i) values.push_back(i % width == column ? other[c] : colour[c]);
  auto frame = make_picture(width, height, AV_PIX_FMT_YUV420P);
  write_video_frame(colours_at(values.data(), width, height), matrix, *frame);
  return frame;
}

std::array<int, 3> pixel_of(const AVFrame& frame, int x) {
  return {frame.data[0][x], frame.data[1][x / 2], frame.data[2][x / 2]};
}

}  // namespace

TEST_CASE("colours of a video are those that the standards' bars have") {
  struct bar {
    std::array<float, 3> colour;
    std::array<int, 3> bt709, smpte170m;
  };
  // 8-bit 100 % colour bars of ITU-R BT.709 and of SMPTE 170M (BT.601).
  const std::array<bar, 5> bars{{{{1, 1, 1}, {235, 128, 128}, {235, 128, 128}},
                                 {{0, 0, 0}, {16, 128, 128}, {16, 128, 128}},
                                 {{1, 0, 0}, {63, 102, 240}, {81, 90, 240}},
                                 {{0, 1, 0}, {173, 42, 26}, {145, 54, 34}},
                                 {{0, 0, 1}, {32, 240, 118}, {41, 240, 110}}}};
  for (const auto& [colour, bt709, smpte170m] : bars) {
    CHECK(pixel_of(*frame_with_column(colour, -1, {}, AVCOL_SPC_BT709), 8) == bt709);
    CHECK(pixel_of(*frame_with_column(colour, -1, {}, AVCOL_SPC_SMPTE170M), 8) == smpte170m);
  }
  // What is out of range is cut before it is mixed, what is no number is nothing.
  const float nothing = std::numeric_limits<float>::quiet_NaN();
  CHECK(pixel_of(*frame_with_column({3, -2, nothing}, -1, {}, AVCOL_SPC_BT709), 8) == bars[2].bt709);
}

TEST_CASE("a video's colours lie at the left one of two pixels, and half of what is beside it counts") {
  const auto redness = [](int column) {
    std::array<int, 8> made{};
    const auto frame = frame_with_column({0, 0, 0}, column, {1, 0, 0}, AVCOL_SPC_BT709);
    std::copy_n(frame->data[2], made.size(), made.begin());
    return made;
  };
  CHECK(redness(4) == std::array{128, 128, 184, 128, 128, 128, 128, 128});
  CHECK(redness(5) == std::array{128, 128, 156, 156, 128, 128, 128, 128});
  CHECK(redness(0) == std::array{212, 128, 128, 128, 128, 128, 128, 128});  // the border goes on beyond it
  CHECK(redness(15) == std::array{128, 128, 128, 128, 128, 128, 128, 156});
}

TEST_CASE("colours stay in their place when nothing is done to a video") {
  const scratch dir;
  auto writer = media_writer::create(dir / "in.mp4", media_writer::container::mp4).value();
  writer.add_video({.width = 128, .height = 64, .frame_rate = {25, 1}}).value();
  writer.start().value();
  const auto frame = make_picture(128, 64, AV_PIX_FMT_YUV420P);
  std::fill_n(frame->data[0], frame->linesize[0] * 64, std::uint8_t{120});
  for (int plane = 1; plane < 3; ++plane)
    for (int i = 0; i < frame->linesize[plane] * 32; ++i)
      frame->data[plane][i] = plane == 1 && i % frame->linesize[plane] == 30 ? 180 : 128;
  writer.write_video(*frame).value();
  writer.finish().value();
  transformed({.input = dir / "in.mp4"}, dir / "out.mp4", copy);
  const auto place_of_colour = [](const std::filesystem::path& path) {
    auto reader = timed_reader::open(path, role_of(media_kind::video, "the video"), 1).value();
    const auto seen = reader.next().value();
    double sum = 0, moment = 0;
    for (int x = 20; x < 41; ++x) {
      const double colour = seen->data[1][16 * seen->linesize[1] + x] - 128;
      sum += colour;
      moment += colour * x;
    }
    return moment / sum;
  };
  CHECK(place_of_colour(dir / "in.mp4") == doctest::Approx(30).epsilon(0.002));
  CHECK(place_of_colour(dir / "out.mp4") == doctest::Approx(30).epsilon(0.002));  // of half a pixel of colour it would be 30.25
}

TEST_CASE("white reaches a function as 1, black as 0, and as white and black they come back") {
  const scratch dir;
  write_flash_with_tone(dir / "in.mp4");
  float brightest = 0, darkest = 1;
  const auto look = [&](const picture_batch& batch) {
    const auto values = 3 * static_cast<std::size_t>(batch.width) * static_cast<std::size_t>(batch.height);
    for (std::size_t i = 0; i < values; ++i) {
      brightest = std::max(brightest, batch.in[i]);
      darkest = std::min(darkest, batch.in[i]);
    }
    return copy(batch);
  };
  transformed({.input = dir / "in.mp4"}, dir / "out.mp4", look);
  CHECK(brightest == 1);
  CHECK(darkest == 0);
  auto reader = timed_reader::open(dir / "out.mp4", role_of(media_kind::video, "the video"), 1).value();
  int white = 0;
  while (const auto frame = reader.next().value()) white = std::max<int>(white, frame->data[0][0]);
  CHECK(white == 235);
}
