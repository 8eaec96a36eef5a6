#include <cmath>
#include <numbers>

#include "gpu/shipped/picture_builder.hpp"
#include "gpu/shipped/shipped.hpp"

namespace troupe::gpu::shipped {

namespace {

constexpr std::int64_t side = 96, cells = 4, shades = 4, directions = 8;
using integers = picture_builder::integers;

/// How near each channel is to each of some shades: 1 there, 0 at the next one. Less the mean, so that unlike pictures are at
/// right angles and not all nearly the same.
value_id shades_of(picture_builder& net) {
  filters spread(shades * channels, channels, 1);
  std::vector<float> middles, mean(static_cast<std::size_t>(shades * channels), 1.0F / shades);
  for (std::int64_t c = 0; c < channels; ++c)
    for (std::int64_t s = 0; s < shades; ++s) {
      spread.at(c * shades + s, c) = shades - 1;  // one shade apart is 1
      middles.push_back(static_cast<float>(s));
    }
  const dims by_channel{1, shades * channels, 1, 1};
  const auto distance =
      net.apply("Abs", {net.apply("Sub", {net.convolve(net.picture(), spread),
                                          net.constant(tensor::of<float>(by_channel, std::span<const float>(middles)))})});
  const auto near = net.apply("Relu", {net.apply("Sub", {net.constant(1), distance})});
  return net.apply("Sub", {near, net.constant(tensor::of<float>(by_channel, std::span<const float>(mean)))});
}

/// How much brightness rises in each of some directions (Sobel), from -1 to 1 turned to what is above 0.
value_id edges_of(picture_builder& net) {
  constexpr float strength = 2;  // edges count as much as colours
  filters rise(directions, channels, 3);
  constexpr float smooth[3] = {0.25F, 0.5F, 0.25F};
  for (std::int64_t d = 0; d < directions; ++d) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(d) / directions;
    for (std::int64_t y = 0; y < 3; ++y)
      for (std::int64_t x = 0; x < 3; ++x) {
        const double across = static_cast<double>(x - 1) * smooth[y], down = static_cast<double>(y - 1) * smooth[x];
        for (std::int64_t c = 0; c < channels; ++c)
          rise.at(d, c, y, x) = static_cast<float>((std::cos(angle) * across + std::sin(angle) * down) / 2) * strength / channels;
      }
  }
  // The picture's border goes on: else it would be an edge itself.
  const auto larger = net.add("Pad", {net.picture(), net.constant(tensor::of<std::int64_t>({8}, {0, 0, 1, 1, 0, 0, 1, 1}))},
                              {{"mode", std::string{"edge"}}});
  return net.apply("Relu", {net.add("Conv", {larger, net.constant(rise.weights())}, {{"kernel_shape", integers{3, 3}}})});
}

}  // namespace

graph embed_look() {
  picture_builder net("embed-look", side);
  const auto all = net.add("Concat", {shades_of(net), edges_of(net)}, {{"axis", std::int64_t{1}}});
  const auto pooled =
      net.add("AveragePool", {all},
              {{"kernel_shape", integers{side / cells, side / cells}}, {"strides", integers{side / cells, side / cells}}});
  constexpr std::int64_t numbers = (shades * channels + directions) * cells * cells;
  return net.finish(net.add("Flatten", {pooled}, {{"axis", std::int64_t{1}}}), dims{open_length, numbers});
}

}  // namespace troupe::gpu::shipped
