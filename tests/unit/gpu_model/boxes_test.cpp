#include "gpu/model/boxes.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "gpu/model/decode.hpp"
#include "gpu/model/tracks.hpp"

using namespace troupe;
using namespace troupe::gpu;

namespace {

sighting at(float left, float top, float right, float bottom, float score = 0.9F, std::size_t kind = 0) {
  return {{left, top, right, bottom}, score, kind};
}

using layout_kind = detect_output::layout_kind;

detect_output two_classes(layout_kind layout) {
  detect_output how;
  how.layout = layout;
  how.classes = {"a", "b"};
  how.are_corners = layout == layout_kind::apart || layout == layout_kind::decoded;
  return how;
}

std::vector<sighting> decoded(const detect_output& how, const dims& shape, const std::vector<float>& boxes,
                              const dims& scores_shape = {}, const std::vector<float>& scores = {}) {
  const auto fits = shape_of_boxes(how, shape, scores_shape);
  REQUIRE_MESSAGE(fits.has_value(), (fits ? "" : fits.error().detail));
  return decode_boxes(how, {boxes, scores, *fits}, 0.5F, 100, 50);
}

}  // namespace

TEST_CASE("what two boxes share is a share of what they cover together") {
  CHECK(overlap({0, 0, 10, 10}, {0, 0, 10, 10}) == 1);
  CHECK(overlap({0, 0, 10, 10}, {5, 0, 15, 10}) == doctest::Approx(50.0 / 150));
  CHECK(overlap({0, 0, 10, 10}, {10, 0, 20, 10}) == 0);
  CHECK(overlap({0, 0, 0, 0}, {0, 0, 0, 0}) == 0);
}

TEST_CASE("of boxes of a class that are one thing the best stays") {
  const std::vector<sighting> seen{at(0, 0, 10, 10, 0.6F), at(1, 0, 11, 10, 0.9F), at(1, 0, 11, 10, 0.7F, 1),
                                   at(50, 0, 60, 10, 0.5F)};
  CHECK(suppress(seen, 0.45F, 10) == std::vector{seen[1], seen[2], seen[3]});
  CHECK(suppress(seen, 0.9F, 10).size() == 4);  // 90 / 110 is less
  CHECK(suppress(seen, 0.45F, 1) == std::vector{seen[1]});
}

TEST_CASE("a box's border is drawn, and nothing inside of it") {
  std::vector<float> planes(3 * 20 * 10, 0);
  draw_box({2, 1, 12, 9}, 0, 20, 10, planes.data());
  const auto red = [&](int x, int y) { return planes[static_cast<std::size_t>(y * 20 + x)]; };
  for (const auto& [x, y] : {std::pair{2, 1}, {3, 5}, {11, 8}, {10, 4}, {7, 1}, {7, 8}}) CHECK(red(x, y) == 0.90F);
  for (const auto& [x, y] : {std::pair{1, 1}, {4, 4}, {9, 6}, {12, 4}, {7, 9}}) CHECK(red(x, y) == 0);
  draw_box({-5, -5, 500, 500}, 7, 20, 10, planes.data());  // beyond the border: cut
  CHECK(red(0, 0) == 0.34F);
}

TEST_CASE("things keep their numbers from frame to frame; new ones are counted from left to right") {
  tracker tracks;
  using numbers = std::vector<std::uint32_t>;
  CHECK(tracks.follow(std::vector{at(50, 0, 60, 10), at(0, 0, 10, 10)}) == numbers{1, 0});
  CHECK(tracks.follow(std::vector{at(2, 0, 12, 10), at(52, 0, 62, 10), at(80, 0, 90, 10)}) == numbers{0, 1, 2});
  CHECK(tracks.follow(std::vector<sighting>{}).empty());
  CHECK(tracks.follow(std::vector{at(4, 0, 14, 10)}) == numbers{0});                       // was gone for a frame
  CHECK(tracks.follow(std::vector{at(4, 0, 14, 10, 0.9F, 1)}) == numbers{3});              // of another class
  CHECK(tracks.follow(std::vector{at(4, 0, 14, 10), at(5, 0, 15, 10)}) == numbers{0, 4});  // the nearer one is the old one
  for (int i = 0; i <= tracker::absent_most; ++i) CHECK(tracks.follow(std::vector<sighting>{}).empty());
  CHECK(tracks.follow(std::vector{at(4, 0, 14, 10)}) == numbers{5});
  CHECK(tracks.count() == 6);
}

TEST_CASE("boxes are read from columns and from rows, by middle and size") {
  // Two boxes: middle (20, 10), 10 x 4, class b 0.8; and one that is not believed.
  const std::vector<float> columns{20, 50, 10, 25, 10, 10, 4, 4, 0.1F, 0.2F, 0.8F, 0.3F};
  const std::vector<float> rows{20, 10, 10, 4, 0.1F, 0.8F, 50, 25, 10, 4, 0.2F, 0.3F};
  const std::vector<sighting> expected{at(15, 8, 25, 12, 0.8F, 1)};
  CHECK(decoded(two_classes(layout_kind::columns), {1, 6, 2}, columns) == expected);
  CHECK(decoded(two_classes(layout_kind::rows), {1, 2, 6}, rows) == expected);
}

TEST_CASE("boxes may be shares of the sides, and scores logits, and be multiplied with another one") {
  auto how = two_classes(layout_kind::rows);
  how.are_shares = how.are_logits = how.has_objectness = true;
  const auto found = decoded(how, {1, 2, 7}, {0.5F, 0.5F, 0.2F, 0.4F, 2, 3, -3, 0.5F, 0.5F, 0.2F, 0.4F, -1, 9, 9});
  REQUIRE(found.size() == 1);
  CHECK(found[0].where.left == doctest::Approx(40));
  CHECK(found[0].where.bottom == doctest::Approx(35));
  CHECK(found[0].score == doctest::Approx(0.8808 * 0.9526).epsilon(1e-3));
  CHECK(found[0].kind == 0);
}

TEST_CASE("boxes are read from two outputs, and as they are when they were decoded") {
  CHECK(decoded(two_classes(layout_kind::apart), {1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 2}, {0.1F, 0.2F, 0.7F, 0.6F})
        == std::vector{at(5, 6, 7, 8, 0.7F, 0)});
  CHECK(decoded(two_classes(layout_kind::decoded), {1, 3, 6}, {1, 2, 3, 4, 0.9F, 1, 0, 0, 0, 0, 0.9F, 0, 5, 6, 7, 8, 0.9F, 2})
        == std::vector{at(1, 2, 3, 4, 0.9F, 1)});  // the second is empty, the third of no class
}

TEST_CASE("outputs of another layout are refused with what was expected") {
  const auto fault = shape_of_boxes(two_classes(layout_kind::columns), {1, 8400, 6}, {}).error().detail;
  CHECK(fault
        == "its outputs are [1, 8400, 6]; with the description's layout and 2 classes they have to be [batch, values, boxes], with 6 "
           "values for each box");
  CHECK_FALSE(shape_of_boxes(two_classes(layout_kind::apart), {1, 9, 4}, {1, 8, 2}).has_value());
  CHECK_FALSE(shape_of_boxes(two_classes(layout_kind::rows), {1, 6}, {}).has_value());
}

TEST_CASE("numbers that are none make no box") {
  const float none = std::numeric_limits<float>::quiet_NaN();
  CHECK(decoded(two_classes(layout_kind::rows), {1, 2, 6}, {none, 10, 10, 4, 0.1F, 0.8F, 50, 25, 10, 4, none, none}).empty());
}
