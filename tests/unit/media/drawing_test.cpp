// The two hand-written renderers: the zoom and the text labels.
#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "media/label.hpp"
#include "media/zoom.hpp"

using namespace troupe::media::detail;

namespace {
frame_ptr plain_frame(int width, int height, std::uint8_t luma) {
  auto frame = make_picture(width, height, AV_PIX_FMT_YUV420P);
  for (int plane = 0; plane < 3; ++plane)
    std::fill_n(frame->data[plane], frame->linesize[plane] * (plane == 0 ? height : height / 2),
                plane == 0 ? luma : std::uint8_t{128});
  return frame;
}
int luma(const AVFrame& frame, int x, int y) { return frame.data[0][y * frame.linesize[0] + x]; }

/// Where the bright side of a vertical edge begins in a row, in fractions of a pixel.
double edge_of(const AVFrame& frame, int y) {
  double bright = 0;
  for (int x = 0; x < frame.width; ++x) bright += luma(frame, x, y) / 255.0;
  return frame.width - bright;
}

label render(const std::vector<std::string>& lines, int width_max = 1000) {
  return label::render(lines, {.font_size = 24, .width_max = width_max, .is_bold = false, .box_opacity = 0.5}).value();
}
std::int64_t ink_of(const label& text) {
  auto frame = plain_frame(text.width(), text.height(), 16);
  text.draw_on(*frame, 0, 0, 1);
  std::int64_t sum = 0;
  for (int y = 0; y < frame->height; ++y)
    for (int x = 0; x < frame->width; ++x) sum += luma(*frame, x, y) - 16;
  return sum;
}
}  // namespace

TEST_CASE("a zoom of one on a canvas of the frame's size changes nothing") {
  auto canvas = plain_frame(64, 36, 0);
  for (int y = 0; y < 36; ++y)
    for (int x = 0; x < 64; ++x) canvas->data[0][y * canvas->linesize[0] + x] = static_cast<std::uint8_t>(x * 3 + y);
  const frame_ptr original{av_frame_clone(canvas.get())};
  zoomer zoom(std::move(canvas), 64, 36);
  const auto out = zoom.draw(1);
  for (int y = 0; y < 36; ++y)
    for (int x = 0; x < 64; ++x) REQUIRE(luma(*out, x, y) == luma(*original, x, y));
}

TEST_CASE("a zoomed edge moves evenly, by fractions of a pixel") {
  auto canvas = plain_frame(200, 100, 0);
  for (int y = 0; y < 100; ++y) std::fill_n(canvas->data[0] + y * canvas->linesize[0] + 150, 50, 255);
  zoomer zoom(std::move(canvas), 200, 100);
  double before = edge_of(*zoom.draw(1), 50);
  CHECK(before == doctest::Approx(150).epsilon(0.001));
  for (int i = 1; i <= 40; ++i) {
    const double now = edge_of(*zoom.draw(1 + i * 0.005), 50);
    CHECK(std::abs(now - before - 0.25) < 0.06);  // 50 pixels from the centre, half a percent each time
    before = now;
  }
}

TEST_CASE("a label is opaque text on a translucent box, and transparent at strength zero") {
  const auto text = render({"MMMM"});
  auto frame = plain_frame(text.width(), text.height(), 200);
  text.draw_on(*frame, 0, 0, 0);
  CHECK(luma(*frame, text.width() / 2, 4) == 200);
  text.draw_on(*frame, 0, 0, 1);
  CHECK(luma(*frame, text.width() / 2, 2) == doctest::Approx(108).epsilon(0.03));  // half of 200, half of black
  CHECK(luma(*frame, 0, 0) == 200);                                                // the round corner
  int brightest = 0;
  for (int x = 0; x < text.width(); ++x) brightest = std::max(brightest, luma(*frame, x, text.height() / 2));
  CHECK(brightest > 225);
}

TEST_CASE("characters with a meaning to drawtext are only drawn") {
  // Method: if one were an escape, an expansion or an option, the line would lose ink against its letters.
  const std::string odd = R"(%{pts} \n 'a':b=c,[d];"e" 100% \\ %{e\:1+1} :textfile=/etc/passwd)";
  std::int64_t letters = 0;
  for (const char c : odd) {
    if (c == ' ') continue;
    const std::string padded = std::string("|") + c + "|";
    letters += ink_of(render({padded})) - ink_of(render({"||"}));
  }
  const auto line = ink_of(render({odd}, 4000));
  CHECK(std::abs(static_cast<double>(line) / static_cast<double>(letters) - 1) < 0.1);
}

TEST_CASE("a line too wide for the frame gets smaller until it fits") {
  const auto text = render({"WWWWWWWWWWWWWWWWWWWWWWWWWWWWWW"}, 200);
  CHECK(text.width() <= 202);
  CHECK(text.width() > 150);
}

TEST_CASE("a label over the edge of a frame is cut, not written outside") {
  const auto text = render({"Hello"});
  auto frame = plain_frame(32, 16, 100);
  text.draw_on(*frame, -10, -6, 1);
  text.draw_on(*frame, 28, 12, 1);
  text.draw_on(*frame, 1000, 1000, 1);
  text.draw_on(*frame, -1000, -1000, 1);
  CHECK(luma(*frame, 31, 15) != 100);
}
