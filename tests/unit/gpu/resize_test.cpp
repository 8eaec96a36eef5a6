// Goal: each way to resize, down and up, and what is refused. Method: numbers by hand.
#include <cmath>

#include "unit/gpu/one_node.hpp"

namespace troupe::gpu::test {

namespace {

using attributes = std::map<std::string, attribute, std::less<>>;

/// A list is resized to a length.
doubles resized(attributes with, std::initializer_list<float> values, std::int64_t length, int opset = 19) {
  const auto x = floats({1, 1, static_cast<std::int64_t>(values.size())}, values), none = empty({0});
  const auto sizes = list({1, 1, length});
  const auto made = node_under_test("Resize", opset, std::move(with)).compute({&x, &none, &none, &sizes});
  REQUIRE(made.has_value());
  return numbers((*made)[0]);
}

void check_near(const doubles& made, const doubles& wanted) {
  REQUIRE(made.size() == wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) CHECK(made[i] == doctest::Approx(wanted[i]).epsilon(1e-4));
}

attribute text(const char* of) { return std::string{of}; }

}  // namespace

TEST_CASE("the nearest element, where the place lies between two") {
  // Places of three from six: 0.5, 2.5, 4.5.
  const auto x = {0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f};
  CHECK(resized({}, x, 3) == doubles{0, 2, 4});
  CHECK(resized({{"nearest_mode", text("round_prefer_ceil")}}, x, 3) == doubles{1, 3, 5});
  CHECK(resized({{"nearest_mode", text("floor")}}, x, 3) == doubles{0, 2, 4});
  CHECK(resized({{"nearest_mode", text("ceil")}}, x, 3) == doubles{1, 3, 5});
}

TEST_CASE("where the places lie") {
  const auto x = {0.0f, 10.0f, 20.0f, 30.0f};
  const auto by = [&](const char* mode, std::int64_t length) {
    return resized({{"mode", text("linear")}, {"coordinate_transformation_mode", text(mode)}}, x, length);
  };
  check_near(by("half_pixel", 2), {5, 25});
  check_near(by("half_pixel_symmetric", 2), {5, 25});
  check_near(by("asymmetric", 2), {0, 20});
  check_near(by("align_corners", 2), {0, 30});
  check_near(by("pytorch_half_pixel", 1), {0});
  check_near(by("half_pixel", 1), {15});
  check_near(by("align_corners", 1), {0});
  check_near(by("half_pixel", 8), {0, 2.5, 7.5, 12.5, 17.5, 22.5, 27.5, 30});
}

TEST_CASE("a region of interest is cut out; beyond the input there is another value") {
  const auto x = floats({4}, {0, 10, 20, 30}), region = floats({2}, {0.5f, 1.5f}), none = empty({0});
  const auto sizes = list({3});
  const node_under_test crop(
      "Resize", 13,
      {{"mode", text("linear")}, {"coordinate_transformation_mode", text("tf_crop_and_resize")}, {"extrapolation_value", -1.0f}});
  check_near(numbers((*crop.compute({&x, &region, nullptr, &sizes}))[0]), {15, 30, -1});
  CHECK(contains(to_string(crop.compute({&x, nullptr, nullptr, &sizes}).error()), "roi is missing"));
}

TEST_CASE("cubic weights") {
  // At a half: -3/32, 19/32, 19/32, -3/32; the edge is repeated, or left out.
  const auto x = {0.0f, 0.0f, 32.0f, 0.0f};
  const attributes cubic{{"mode", text("cubic")}};
  check_near(resized(cubic, x, 2), {-3, 19});
  auto inside = cubic;
  inside["exclude_outside"] = std::int64_t{1};
  check_near(resized(inside, {32, 0, 0, 0}, 2), {19 * 32.0 / 35, 0});
}

TEST_CASE("smoothing widens the filter when an axis becomes shorter") {
  const attributes smooth{{"mode", text("linear")}, {"antialias", std::int64_t{1}}, {"exclude_outside", std::int64_t{1}}};
  // Weights 3, 3, 1 of 7 at the first place, which is 0.5.
  check_near(resized(smooth, {7, 0, 7, 0}, 2), {4, 3});
  check_near(resized({{"mode", text("linear")}}, {7, 0, 7, 0}, 2), {3.5, 3.5});
}

TEST_CASE("opset 10 rounded up where an axis became shorter") {
  const auto x = floats({4}, {1, 2, 3, 4}), scales = floats({1}, {0.6f});
  CHECK(numbers(node_under_test("Resize", 10).run({x, scales})) == doubles{1, 3});
  CHECK(numbers(node_under_test("Upsample", 9).run({floats({2}, {1, 2}), floats({1}, {2})})) == doubles{1, 1, 2, 2});
  CHECK(numbers(node_under_test("Upsample", 7, {{"scales", std::vector<float>{2}}}).run({floats({2}, {1, 2})}))
        == doubles{1, 1, 2, 2});
}

TEST_CASE("several axes, only some of them named, and a ratio that is kept") {
  const auto x = empty({1, 4, 6});
  const auto sizes = list({6, 6});
  const auto shape = [&](const char* policy) {
    const node_under_test resize("Resize", 18, {{"axes", whole_numbers{2, 1}}, {"keep_aspect_ratio_policy", text(policy)}});
    return (*resize.compute({&x, nullptr, nullptr, &sizes}))[0].shape();
  };
  CHECK(shape("stretch") == dims{1, 6, 6});
  CHECK(shape("not_larger") == dims{1, 4, 6});
  CHECK(shape("not_smaller") == dims{1, 6, 9});
}

TEST_CASE("whole numbers stay within their range") {
  const auto x = tensor::of<std::uint8_t>({4}, {0, 255, 255, 0});
  const auto scales = floats({1}, {2});
  const node_under_test cubic("Resize", 13, {{"mode", text("cubic")}});
  const auto made = cubic.compute({&x, nullptr, &scales});
  REQUIRE(made.has_value());
  CHECK((*made)[0].type() == dtype::u8);
  CHECK((*made)[0].number(0) == 0);
  CHECK((*made)[0].number(3) == 255);
}

TEST_CASE("the shape is not known before scales and sizes are") {
  CHECK(node_under_test("Resize", 10).infer({{dtype::f32, {4}}, {dtype::f32, {1}}}).empty());
}

TEST_CASE("resizes that are not possible are refused") {
  const auto x = empty({4}), none = empty({0});
  const auto refused = [&](const tensor& scales, attributes with = {}) {
    const auto made = node_under_test("Resize", 13, std::move(with)).compute({&x, nullptr, &scales});
    return made ? std::string{} : made.error().detail;
  };
  CHECK(contains(refused(floats({1}, {0})), "cannot be scaled by 0"));
  CHECK(contains(refused(floats({1}, {-1})), "cannot be scaled"));
  CHECK(contains(refused(floats({1}, {0.1f})), "cannot be scaled"));
  CHECK(contains(refused(floats({1}, {NAN})), "cannot be scaled by nan"));
  CHECK(contains(refused(floats({1}, {INFINITY})), "cannot be scaled by inf"));
  CHECK(contains(refused(floats({1}, {1e30f})), "cannot be scaled"));
  CHECK(contains(refused(floats({2}, {1, 1})), "[2] instead of [1]"));
  CHECK(contains(refused(none), "either scales or sizes"));
  CHECK(contains(refused(floats({1}, {2}), {{"mode", text("lanczos")}}), "mode is 'lanczos'"));
  CHECK(contains(refused(floats({1}, {2}), {{"nearest_mode", text("up")}}), "nearest_mode is 'up'"));
  const auto sizes = list({0});
  CHECK(contains(node_under_test("Resize", 13).compute({&x, nullptr, nullptr, &sizes}).error().detail, "cannot become 0"));
  CHECK(contains(node_under_test("Upsample", 7).refusal({x}), "0 scales for 1 axes"));
}

}  // namespace troupe::gpu::test
