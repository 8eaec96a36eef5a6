#include <array>
#include <cmath>
#include <cstdio>
#include <numbers>

#include "gpu/onnx/write.hpp"
#include "gpu/shipped/picture_builder.hpp"
#include "gpu/shipped/shipped.hpp"

// Writes the models that Troupe comes with. Nobody trained them: their weights are filters of picture processing.
namespace troupe::gpu::shipped {
namespace {

/// A kernel for interpolation (Duchon 1979), zero from 3 on.
double lanczos3(double x) {
  if (std::abs(x) < 1e-9) return 1;
  if (std::abs(x) >= 3) return 0;
  const double angle = std::numbers::pi * x;
  return 3 * std::sin(angle) * std::sin(angle / 3) / (angle * angle);
}

/// The taps from -4 to 4 for a point a quarter of a pixel before or behind the middle one, of a picture that is sharpened on the
/// way: the taps less a share of themselves blurred by [1 2 1] / 4.
std::array<double, 9> sharp_taps(double offset, double sharpness) {
  std::array<double, 11> plain{};
  double sum = 0;
  for (int i = -3; i <= 3; ++i) sum += plain[static_cast<std::size_t>(i + 5)] = lanczos3(i - offset);
  std::array<double, 9> taps{};
  for (std::size_t i = 0; i < taps.size(); ++i) {
    const double blurred = (plain[i] + 2 * plain[i + 1] + plain[i + 2]) / 4;
    taps[i] = (plain[i + 1] + sharpness * (plain[i + 1] - blurred)) / sum;
  }
  return taps;
}

/// Limits each channel's values (`each` of them, one behind the other) to what the 3 x 3 pixels around are between, and a share
/// of that more on both sides. In words of convolutions: high - relu(high - low - relu(what - low)).
value_id limit(picture_builder& net, value_id what, std::int64_t each, float share) {
  const auto count = channels * each;
  filters signs(2 * count, channels, 1);  // the values, and their negatives, of which the largest is the smallest
  filters low(count, 2 * count, 1), high(count, 2 * count, 1), range(count, 2 * count, 1);
  for (std::int64_t i = 0; i < count; ++i) {
    signs.at(i, i / each) = 1;
    signs.at(count + i, i / each) = -1;
    high.at(i, i) = 1 + share;
    low.at(i, count + i) = -1 - share;
    high.at(i, count + i) = share;
    low.at(i, i) = -share;
    range.at(i, i) = range.at(i, count + i) = 1 + 2 * share;
  }
  const auto ends = net.largest_around(net.convolve(net.picture(), signs));
  const auto above_low = net.apply("Relu", {net.apply("Sub", {what, net.convolve(ends, low)})});
  const auto below_high = net.apply("Relu", {net.apply("Sub", {net.convolve(ends, range), above_low})});
  return net.apply("Sub", {net.convolve(ends, high), below_high});
}

/// Twice as large: a sharpened Lanczos interpolation that overshoots an edge by a tenth of its height at most, so that edges have
/// no ghosts. Four values for each pixel, first as channels.
graph upscale_x2() {
  picture_builder net("upscale-x2");
  constexpr double sharpness = 0.35;
  const std::array<std::array<double, 9>, 2> taps{sharp_taps(-0.25, sharpness), sharp_taps(0.25, sharpness)};
  filters four(4 * channels, channels, 9);
  for (std::int64_t c = 0; c < channels; ++c)
    for (std::size_t part = 0; part < 4; ++part)
      for (std::size_t y = 0; y < 9; ++y)
        for (std::size_t x = 0; x < 9; ++x)
          four.at(4 * c + static_cast<std::int64_t>(part), c, static_cast<std::int64_t>(y), static_cast<std::int64_t>(x)) =
              static_cast<float>(taps[part / 2][y] * taps[part % 2][x]);
  return net.finish(net.depth_to_space(limit(net, net.convolve(net.picture(), four), 4, 0.1F), 2));
}

/// Moves each pixel towards the eight around it that are nearly the same. A difference counts in full up to `threshold`, then
/// less, and from twice that on not at all, so that edges stay: 2 clip(d, threshold) - clip(d, 2 threshold), each clip to 1 as a
/// channel.
value_id smooth(picture_builder& net, value_id of, float threshold, std::int64_t distance) {
  constexpr std::array<float, 9> weights{1 / 16.F, 2 / 16.F, 1 / 16.F, 2 / 16.F, 0, 2 / 16.F, 1 / 16.F, 2 / 16.F, 1 / 16.F};
  constexpr std::int64_t neighbours = 8, each = 2 * neighbours;
  filters apart(each * channels, channels, 3), together(channels, each * channels, 1);
  for (std::int64_t c = 0; c < channels; ++c) {
    std::int64_t at = c * each;
    for (std::int64_t place = 0; place < 9; ++place) {
      if (place == 4) continue;
      for (const float step : {threshold, 2 * threshold}) {
        apart.at(at, c, place / 3, place % 3) = 1 / step;
        apart.at(at, c, 1, 1) = -1 / step;
        const float sign = step == threshold ? -2.0F : 1.0F;
        together.at(c, at) = sign * step * weights[static_cast<std::size_t>(place)];
        ++at;
      }
    }
  }
  const auto counted = net.clip(net.convolve(of, apart, distance), -1, 1);
  return net.apply("Sub", {of, net.convolve(counted, together)});
}

graph denoise() {
  picture_builder net("denoise");
  const auto near = smooth(net, net.picture(), 16 / 255.F, 1);
  const auto far = smooth(net, near, 8 / 255.F, 2);
  return net.finish(smooth(net, far, 6 / 255.F, 1));
}

/// Unsharp masking that overshoots an edge by a twentieth of its height at most.
graph sharpen() {
  picture_builder net("sharpen");
  constexpr float amount = 0.8F;
  constexpr std::array<float, 5> blur{1 / 16.F, 4 / 16.F, 6 / 16.F, 4 / 16.F, 1 / 16.F};
  filters mask(channels, channels, 5);
  for (std::int64_t c = 0; c < channels; ++c)
    for (std::int64_t y = 0; y < 5; ++y)
      for (std::int64_t x = 0; x < 5; ++x)
        mask.at(c, c, y, x) =
            (x == 2 && y == 2 ? 1 + amount : 0) - amount * blur[static_cast<std::size_t>(y)] * blur[static_cast<std::size_t>(x)];
  return net.finish(limit(net, net.convolve(net.picture(), mask), 1, 0.05F));
}

}  // namespace
}  // namespace troupe::gpu::shipped

int main(int argc, char** argv) {
  using namespace troupe::gpu;
  using namespace troupe::gpu::shipped;
  if (argc != 2) {
    std::fputs("usage: troupe-shipped-models FOLDER\n", stderr);
    return 64;
  }
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder);
  for (const auto& made : {upscale_x2(), denoise(), sharpen(), matte_key(), shapes(), embed_look()}) {
    const auto written = write_onnx(made, folder / (made.name + ".onnx"));
    if (written) continue;
    std::fprintf(stderr, "troupe-shipped-models: %s\n", written.error().detail.c_str());
    return 1;
  }
  return 0;
}
