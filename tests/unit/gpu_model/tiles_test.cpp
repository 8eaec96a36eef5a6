#include "gpu/model/tiles.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <set>

using namespace troupe::gpu;

namespace {

/// How often each pixel is in a core, as the smallest and the largest count.
std::pair<int, int> coverage(const tile_plan& plan, int width, int height) {
  std::vector<int> count(static_cast<std::size_t>(width * height));
  for (const auto at : plan.places)
    for (int y = at.y; y < std::min(height, at.y + plan.core_height); ++y)
      for (int x = at.x; x < std::min(width, at.x + plan.core_width); ++x) ++count[static_cast<std::size_t>(y * width + x)];
  const auto [least, most] = std::ranges::minmax(count);
  return {least, most};
}

}  // namespace

TEST_CASE("a picture that fits is one part, with its margin, rounded up to what the network takes") {
  const auto plan = plan_tiles(100, 60, {.side = 256, .margin = 10, .multiple = 16});
  CHECK(plan.places.size() == 1);
  CHECK(plan.core_width == 100);
  CHECK(plan.core_height == 60);
  CHECK(plan.width == 128);
  CHECK(plan.height == 80);
}

TEST_CASE("parts are of one size, stand at multiples and cover a picture of any size") {
  for (const int multiple : {1, 4, 8})
    for (int width = 17; width < 150; width += 7)
      for (int height = 16; height < 80; height += 13) {
        CAPTURE(multiple);
        CAPTURE(width);
        CAPTURE(height);
        const auto plan = plan_tiles(width, height, {.side = 32, .margin = 4, .multiple = multiple});
        CHECK(coverage(plan, width, height).first >= 1);
        CHECK(plan.width % multiple == 0);
        CHECK(plan.width >= plan.core_width + 8);
        for (const auto at : plan.places) CHECK(at.x % multiple + at.y % multiple == 0);
      }
}

TEST_CASE("a network of a fixed size gets that size, whatever the picture's is") {
  const tile_rule rule{.side = 256, .margin = 8, .multiple = 1, .fixed_width = 64, .fixed_height = 48};
  for (const int side : {10, 48, 49, 200}) {
    const auto plan = plan_tiles(side, side, rule);
    CHECK(plan.width == 64);
    CHECK(plan.height == 48);
    CHECK(coverage(plan, side, side).first >= 1);
  }
}

TEST_CASE("what is cut out and put back is the picture; beyond its border the last pixels go on") {
  constexpr int width = 45, height = 33;
  std::vector<float> picture(width * height);
  std::iota(picture.begin(), picture.end(), 0.0F);
  const auto plan = plan_tiles(width, height, {.side = 16, .margin = 5, .multiple = 2});
  std::vector<float> tile(static_cast<std::size_t>(plan.width * plan.height)), made(picture.size(), -1);
  for (const auto at : plan.places) {
    cut_tile(picture.data(), width, height, plan, at, tile.data());
    for (int y = 0; y < plan.height; ++y)
      for (int x = 0; x < plan.width; ++x) {
        const int from_x = std::clamp(at.x - 5 + x, 0, width - 1), from_y = std::clamp(at.y - 5 + y, 0, height - 1);
        REQUIRE(tile[static_cast<std::size_t>(y * plan.width + x)] == picture[static_cast<std::size_t>(from_y * width + from_x)]);
      }
    std::size_t values = 0;
    put_tile(tile.data(), plan, at, 1, made.data(), width, height, [&](const float* from, std::size_t count, float* to) {
      values += count;
      for (std::size_t i = 0; i < count; ++i) REQUIRE(to[i] == -1);  // nobody else wrote there
      std::copy_n(from, count, to);
    });
    CHECK(values > 0);
  }
  CHECK(made == picture);
}

TEST_CASE("a larger result is put to its larger place") {
  const auto plan = plan_tiles(20, 10, {.side = 8, .margin = 2, .multiple = 1});
  std::vector<float> made(20 * 10 * 4, -1);
  for (const auto at : plan.places) {
    std::vector<float> tile(static_cast<std::size_t>(plan.width * plan.height * 4));
    for (int y = 0; y < 2 * plan.height; ++y)
      for (int x = 0; x < 2 * plan.width; ++x)
        tile[static_cast<std::size_t>(y * 2 * plan.width + x)] =
            static_cast<float>((2 * (at.y - 2) + y) * 40 + 2 * (at.x - 2) + x);
    put_tile(tile.data(), plan, at, 2, made.data(), 20, 10);
  }
  std::vector<float> expected(made.size());
  std::iota(expected.begin(), expected.end(), 0.0F);
  CHECK(made == expected);
}
