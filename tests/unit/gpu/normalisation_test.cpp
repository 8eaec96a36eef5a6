// Goal: normalisations per opset. Method: numbers by hand.
#include <cmath>

#include "unit/gpu/one_node.hpp"

namespace troupe::gpu::test {

namespace {

void check_near(const tensor& made, const doubles& wanted) {
  REQUIRE(made.count() == std::ssize(wanted));
  for (std::size_t i = 0; i < wanted.size(); ++i)
    CHECK(made.number(static_cast<std::int64_t>(i)) == doctest::Approx(wanted[i]).epsilon(1e-4));
}

}  // namespace

TEST_CASE("a batch is normalised with the numbers that the file has") {
  const node_under_test norm("BatchNormalization", 9, {{"epsilon", 0.0f}});
  const auto one = [](float value) { return floats({1}, {value}); };
  check_near(norm.run({floats({1, 1, 2}, {1, 3}), one(2), one(1), one(1), one(4)}), {1, 3});
}

TEST_CASE("training is refused, and so are shapes that do not fit") {
  const auto x = empty({1, 2, 3}), c = empty({2});
  CHECK(contains(node_under_test("BatchNormalization", 9, {}, 3).refusal({x, c, c, c, c}), "training"));
  CHECK(contains(node_under_test("BatchNormalization", 9).refusal({x, c, c, c, empty({3})}), "input var has the shape [3]"));
  CHECK(contains(node_under_test("BatchNormalization", 9).refusal({x, c, c, c}), "input var is missing"));
  CHECK(contains(node_under_test("BatchNormalization", 7, {{"spatial", std::int64_t{0}}}).refusal({x, c, c, c, c}), "spatial"));
}

TEST_CASE("scales of groups became scales of channels with opset 21") {
  const auto x = floats({1, 4, 1}, {0, 2, 0, 4});
  const std::map<std::string, attribute, std::less<>> two{{"num_groups", std::int64_t{2}}, {"epsilon", 0.0f}};
  check_near(node_under_test("GroupNormalization", 18, two).run({x, floats({2}, {1, 10}), floats({2}, {0, 1})}), {-1, 1, -9, 11});
  check_near(node_under_test("GroupNormalization", 21, two).run({x, floats({4}, {1, 2, 3, 4}), floats({4}, {0, 0, 0, 1})}),
             {-1, 2, -3, 5});
  CHECK(contains(node_under_test("GroupNormalization", 21, two).refusal({x, empty({2}), empty({2})}), "[2] instead of [4]"));
  CHECK(contains(node_under_test("GroupNormalization", 21).refusal({x, empty({4}), empty({4})}), "0 groups"));
}

TEST_CASE("layers are normalised from an axis on, with scales that are repeated") {
  const node_under_test norm("LayerNormalization", 17, {{"axis", std::int64_t{1}}, {"epsilon", 0.0f}}, 3);
  const auto x = floats({1, 2, 2}, {0, 2, 4, 6}), scale = floats({2}, {1, 2});
  const auto made = norm.compute({&x, &scale});
  REQUIRE(made.has_value());
  const auto unit = 1 / std::sqrt(5.0);
  check_near((*made)[0], {-3 * unit, -2 * unit, unit, 6 * unit});
  check_near((*made)[1], {3});
  check_near((*made)[2], {unit});
  CHECK((*made)[1].shape() == dims{1, 1, 1});
  CHECK(contains(norm.refusal({x, empty({3})}), "do not fit"));
}

TEST_CASE("a norm of nothing but zeros leaves zeros") {
  check_near(node_under_test("LpNormalization", 1).run({floats({2, 2}, {0, 0, 3, 4})}), {0, 0, 0.6, 0.8});
  CHECK(contains(node_under_test("LpNormalization", 1, {{"p", std::int64_t{3}}}).refusal({empty({2})}), "p is 3"));
}

TEST_CASE("softmax saw a matrix before opset 13") {
  const auto x = floats({1, 2, 2}, {0, 0, 0, 0});
  check_near(node_under_test("Softmax", 11).run({x}), {0.25, 0.25, 0.25, 0.25});
  check_near(node_under_test("Softmax", 13).run({x}), {0.5, 0.5, 0.5, 0.5});
  CHECK(contains(node_under_test("Softmax", 13, {{"axis", std::int64_t{3}}}).refusal({x}), "axis 3"));
}

TEST_CASE("softmax of large numbers does not overflow, also in 16 bits") {
  tensor x(dtype::f16, {2});
  std::fill_n(x.as<half>(), 2, half(60000.0f));
  check_near(node_under_test("Softmax", 13).run({x}), {0.5, 0.5});
}

}  // namespace troupe::gpu::test
