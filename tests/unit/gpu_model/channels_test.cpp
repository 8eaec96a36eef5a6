#include "gpu/model/channels.hpp"

#include <doctest/doctest.h>

#include <array>
#include <vector>

using namespace troupe::gpu;

namespace {

constexpr std::size_t values = 6;
const std::vector<float> picture{0.1F, 0.2F, 0.3F, 0.4F, 0.5F, 0.6F, 0.9F, 0.8F, 0.7F, 0.6F, 0.5F, 0.4F, 0, 0, 1, 1, 0.5F, 0.5F};

std::vector<float> there_and_back(channel_order order, const value_scale& scale) {
  std::vector<float> channels(static_cast<std::size_t>(channels_of(order)) * values), back(3 * values);
  to_channels(picture.data(), values, order, scale, channels.data());
  from_channels({channels.data(), picture.data(), 3, 2, 1}, order, scale, back.data());
  return back;
}

}  // namespace

TEST_CASE("values go to a network and come back") {
  const value_scale scale{{2, 4, 255}, {-1, 0.5F, 3}};
  for (const auto order : {channel_order::rgb, channel_order::bgr, channel_order::y}) {
    const auto back = there_and_back(order, scale);
    for (std::size_t i = 0; i < back.size(); ++i) CHECK(back[i] == doctest::Approx(picture[i]).epsilon(1e-5));
  }
}

TEST_CASE("channels stand in the order that the description says") {
  std::vector<float> channels(3 * values);
  to_channels(picture.data(), values, channel_order::bgr, {}, channels.data());
  CHECK(channels[0] == picture[2 * values]);
  CHECK(channels[2 * values] == picture[0]);
  to_channels(picture.data(), values, channel_order::rgb, {{255, 1, 1}, {0, 0, 0}}, channels.data());
  CHECK(channels[1] == doctest::Approx(51));
  std::vector<float> brightness(values);
  to_channels(picture.data(), values, channel_order::y, {}, brightness.data());
  CHECK(brightness[0] == doctest::Approx(0.299 * 0.1 + 0.587 * 0.9));
}

TEST_CASE("a network for brightness leaves the colours of a larger picture where they were") {
  // Grey on the left, red on the right: what is between is between.
  constexpr std::array<float, 6> small{0.5F, 1, 0.5F, 0, 0.5F, 0};
  std::vector<float> brightness(8, 0.5F), large(3 * 8);
  from_channels({brightness.data(), small.data(), 2, 1, 2}, channel_order::y, {}, large.data());
  CHECK(large[0] == doctest::Approx(0.5));                // red of the first pixel
  CHECK(large[8] == doctest::Approx(0.5));                // green
  CHECK(large[3] == doctest::Approx(0.5 + (1 - 0.299)));  // red of the last one in its row
  CHECK(large[8 + 3] == doctest::Approx(0.5 - 0.299));    // green
  CHECK(large[1] > large[0]);
  CHECK(large[2] > large[1]);
}
