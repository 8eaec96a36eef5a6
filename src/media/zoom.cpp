#include "media/zoom.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::media::detail {

namespace {

constexpr int weight_one = 256;
/// Two bits of the rows' precision are given up, so that an overshooting sum still fits 16 bits.
constexpr int row_shift = 2;
constexpr int final_shift = 8 + 8 - row_shift;
/// Rows are continued on both sides by their last sample.
constexpr int margin = 2;

/// Catmull-Rom: the cubic through four samples, `t` from the second one.
void cubic_weights(double t, std::int16_t* weights) {
  const double t2 = t * t;
  const double t3 = t2 * t;
  const double exact[4] = {(-t3 + 2 * t2 - t) / 2, (3 * t3 - 5 * t2 + 2) / 2, (-3 * t3 + 4 * t2 + t) / 2, (t3 - t2) / 2};
  int sum = 0;
  for (int i = 0; i < 4; ++i) sum += weights[i] = static_cast<std::int16_t>(std::lround(exact[i] * weight_one));
  weights[t < 0.5 ? 1 : 2] = static_cast<std::int16_t>(weights[t < 0.5 ? 1 : 2] + weight_one - sum);
}

}  // namespace

zoomer::zoomer(frame_ptr canvas, int width, int height)
    : canvas_(std::move(canvas)), width_(width), height_(height), row_(static_cast<std::size_t>(canvas_->width) + 2 * margin) {}

std::vector<zoomer::tap> zoomer::taps_of(int source, int target, double zoom) {
  std::vector<tap> taps(static_cast<std::size_t>(target));
  const double step = source / (target * zoom);
  for (int i = 0; i < target; ++i) {
    const double position = source / 2.0 + (i + 0.5 - target / 2.0) * step - 0.5;
    const double whole = std::floor(position);
    auto& each = taps[static_cast<std::size_t>(i)];
    cubic_weights(position - whole, each.weights);
    each.at = std::clamp(static_cast<int>(whole) - 1, -margin, source - 4 + margin);
  }
  return taps;
}

void zoomer::draw_plane(int plane, double zoom, AVFrame& out) {
  const int shift = plane == 0 ? 0 : 1;
  const int source_width = canvas_->width >> shift;
  const int source_height = canvas_->height >> shift;
  const auto across = taps_of(source_width, width_ >> shift, zoom);
  const auto down = taps_of(source_height, height_ >> shift, zoom);
  for (std::size_t y = 0; y < down.size(); ++y) {
    const std::uint8_t* lines[4];
    for (int i = 0; i < 4; ++i)
      lines[i] =
          canvas_->data[plane] + std::ptrdiff_t{std::clamp(down[y].at + i, 0, source_height - 1)} * canvas_->linesize[plane];
    const auto* w = down[y].weights;
    auto* row = row_.data() + margin;
    for (int x = 0; x < source_width; ++x)
      row[x] = static_cast<std::int16_t>((lines[0][x] * w[0] + lines[1][x] * w[1] + lines[2][x] * w[2] + lines[3][x] * w[3])
                                         >> row_shift);
    std::fill_n(row - margin, margin, row[0]);
    std::fill_n(row + source_width, margin, row[source_width - 1]);
    auto* target = out.data[plane] + static_cast<std::ptrdiff_t>(y) * out.linesize[plane];
    for (const auto& each : across) {
      const auto* from = row + each.at;
      const int sum =
          from[0] * each.weights[0] + from[1] * each.weights[1] + from[2] * each.weights[2] + from[3] * each.weights[3];
      *target++ = static_cast<std::uint8_t>(std::clamp((sum + (1 << (final_shift - 1))) >> final_shift, 0, 255));
    }
  }
}

frame_ptr zoomer::draw(double zoom) {
  auto out = make_picture(width_, height_, AV_PIX_FMT_YUV420P);
  for (int plane = 0; plane < 3; ++plane) draw_plane(plane, zoom, *out);
  out->color_range = AVCOL_RANGE_MPEG;
  out->colorspace = AVCOL_SPC_BT709;
  return out;
}

}  // namespace troupe::media::detail
