// Goal: operators whose inputs say where to read: whatever these say, nothing outside is read. Method: hostile numbers, and few
// by hand.
#include <cmath>

#include "unit/gpu/one_node.hpp"

namespace troupe::gpu::test {

namespace {
constexpr float far = 3e38f;
}

TEST_CASE("boxes that are nearly the same as a better one are left out") {
  const auto boxes = floats({1, 3, 4}, {0, 0, 1, 1, 1, 1.1f, 0, 0.1f, 5, 5, 6, 6}),
             scores = floats({1, 1, 3}, {0.5f, 0.9f, 0.1f});
  const auto most = longs({}, {3}), none = longs({}, {0});
  const auto overlap = floats({}, {0.5f}), threshold = floats({}, {0.1f});
  const node_under_test suppress("NonMaxSuppression", 11);
  CHECK(numbers((*suppress.compute({&boxes, &scores, &most, &overlap}))[0]) == doubles{0, 0, 1, 0, 0, 2});
  CHECK(numbers((*suppress.compute({&boxes, &scores, &most, &overlap, &threshold}))[0]) == doubles{0, 0, 1});
  CHECK((*suppress.compute({&boxes, &scores, &none}))[0].shape() == dims{0, 3});
  CHECK((*suppress.compute({&boxes, &scores}))[0].shape() == dims{0, 3});
}

TEST_CASE("how many boxes are left is not known before they are") {
  CHECK(node_under_test("NonMaxSuppression", 11).infer({{dtype::f32, {1, 3, 4}}, {dtype::f32, {1, 1, 3}}}).empty());
  CHECK(contains(node_under_test("NonMaxSuppression", 11).refusal({empty({1, 3, 4}), empty({1, 1, 2})}), "do not fit to boxes"));
}

TEST_CASE("boxes and scores that are no numbers do no harm") {
  const auto boxes = floats({1, 2, 4}, {NAN, 0, INFINITY, 1, -far, far, far, -far}), scores = floats({1, 1, 2}, {NAN, 1});
  const auto most = longs({}, {INT64_MAX});
  CHECK((*node_under_test("NonMaxSuppression", 11).compute({&boxes, &scores, &most}))[0].shape() == dims{1, 3});
}

TEST_CASE("aligned regions that are not possible are refused") {
  const auto x = empty({1, 1, 4, 4});
  const node_under_test align("RoiAlign", 16);
  const auto refused = [&](std::initializer_list<float> region, std::int64_t batch) {
    return align.refusal({x, floats({1, 4}, region), longs({1}, {batch})});
  };
  CHECK(refused({0, 0, 4, 4}, 0).empty());
  CHECK(contains(refused({0, 0, 4, 4}, 1), "batch 1"));
  CHECK(contains(refused({0, 0, 4, 4}, -1), "batch -1"));
  CHECK(contains(refused({0, 0, far, 4}, 0), "not possible"));
  CHECK(contains(refused({NAN, 0, 4, 4}, 0), "not possible"));
  CHECK(contains(refused({0, 0, 60000, 60000}, 0), "too many samples"));
  CHECK(contains(node_under_test("RoiAlign", 16, {{"output_height", std::int64_t{0}}}).refusal({x, empty({1, 4}), list({0})}),
                 "output_height is 0"));
  CHECK(contains(
      node_under_test("MaxRoiPool", 1, {{"pooled_shape", whole_numbers{1, 1}}}).refusal({x, floats({1, 5}, {2, 0, 0, 1, 1})}),
      "batch 2"));
}

TEST_CASE("the largest elements of regions, also of those outside") {
  const auto x = floats({1, 1, 2, 2}, {1, 2, 3, 4});
  const node_under_test pool("MaxRoiPool", 1, {{"pooled_shape", whole_numbers{1, 2}}});
  CHECK(numbers(pool.run({x, floats({3, 5}, {0, 0, 0, 1, 1, 0, -9, -9, -5, -5, 0, 0, 0, 1e30f, 0})}))
        == doubles{3, 4, 0, 0, 2, 0});
}

TEST_CASE("elements return to where they were, and to nowhere else") {
  const std::map<std::string, attribute, std::less<>> two{{"kernel_shape", whole_numbers{2}}, {"strides", whole_numbers{2}}};
  const node_under_test back("MaxUnpool", 11, two);
  const auto x = floats({1, 1, 2}, {5, 7});
  CHECK(numbers(back.run({x, longs({1, 1, 2}, {1, 2})})) == doubles{0, 5, 7, 0});
  CHECK(contains(back.refusal({x, longs({1, 1, 2}, {1, 4})}), "place 4"));
  CHECK(contains(back.refusal({x, longs({1, 1, 2}, {-1, 2})}), "place -1"));
  CHECK(numbers(back.run({x, longs({1, 1, 2}, {1, 2}), list({1, 1, 5})})) == doubles{0, 5, 7, 0, 0});
  CHECK(contains(back.refusal({x, longs({1, 1, 2}, {1, 2}), list({1, 1, 3})}), "less than"));
}

TEST_CASE("samples outside are zero, of the border, or thrown back") {
  const auto x = floats({1, 1, 1, 2}, {10, 20});
  const auto sample = [&](const char* padding, float at) {
    const node_under_test grid("GridSample", 16, {{"padding_mode", std::string{padding}}, {"align_corners", std::int64_t{1}}});
    return grid.run({x, floats({1, 1, 1, 2}, {at, 0})}).number(0);
  };
  CHECK(sample("zeros", 0) == 15);
  CHECK(sample("zeros", 2) == 10);
  CHECK(sample("zeros", 9) == 0);
  CHECK(sample("border", 2) == 20);
  CHECK(sample("reflection", 2) == 15);
  CHECK(sample("reflection", 4) == 15);
}

TEST_CASE("grids of no numbers do no harm") {
  const auto x = floats({1, 1, 2, 2}, {1, 2, 3, 4});
  for (const auto* const mode : {"bilinear", "nearest", "bicubic"}) {
    for (const auto* const padding : {"zeros", "border", "reflection"}) {
      for (const std::int64_t is_aligned : {0, 1}) {
        const node_under_test grid(
            "GridSample", 16,
            {{"mode", std::string{mode}}, {"padding_mode", std::string{padding}}, {"align_corners", is_aligned}});
        const auto y = grid.run({x, floats({1, 1, 3, 2}, {NAN, 0, far, -far, -INFINITY, INFINITY})});
        for (const auto one : numbers(y)) CHECK((one >= -1 && one <= 5));
      }
    }
  }
  CHECK(contains(node_under_test("GridSample", 16).refusal({x, empty({1, 1, 1, 3})}), "does not fit"));
}

TEST_CASE("labels of no class are refused when the loss is computed") {
  const auto scores = floats({1, 2}, {0, 0});
  for (const auto* const name : {"NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"}) {
    CHECK(contains(node_under_test(name, 13).refusal({scores, list({2})}), "label 2 is none of 2 classes"));
    CHECK(contains(node_under_test(name, 13).refusal({scores, list({-1})}), "label -1"));
    CHECK(node_under_test(name, 13, {{"ignore_index", std::int64_t{-1}}, {"reduction", std::string{"sum"}}})
              .run({scores, list({-1})})
              .number(0)
          == 0);
  }
}

}  // namespace troupe::gpu::test
