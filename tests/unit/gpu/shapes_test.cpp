#include "unit/gpu/one_node.hpp"

namespace troupe::gpu::test {

TEST_CASE("Shape and Size follow from the types alone") {
  const node_under_test shape("Shape", 15, {{"start", std::int64_t{-2}}, {"end", std::int64_t{9}}});
  const auto x = empty({2, 0, 4});
  CHECK(shape.run({x}).whole_numbers() == whole_numbers{0, 4});
  CHECK(node_under_test("Shape", 15).run({floats({}, {1})}).shape() == dims{0});
  CHECK(node_under_test("Size", 13).run({x}).whole_numbers() == whole_numbers{0});
  CHECK(node_under_test("Size", 13).run({floats({}, {1})}).whole_numbers() == whole_numbers{1});

  const known_input known{.type = {dtype::f32, {2, 3}}};
  const std::array<const known_input*, 1> inputs{&known};
  const auto made = infer_node(node_under_test("Shape", 1).which, inputs);
  REQUIRE(made.has_value());
  REQUIRE(made->constants.size() == 1);
  CHECK(made->constants[0].whole_numbers() == whole_numbers{2, 3});
}

TEST_CASE("Reshape keeps lengths at 0, unless zeros are allowed, and fills in one") {
  const auto x = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  const node_under_test reshape("Reshape", 14);
  CHECK(reshape.run({x, list({0, 1, -1})}).shape() == dims{2, 1, 3});
  CHECK(reshape.run({floats({1}, {1}), list({})}).shape().empty());
  CHECK(reshape.run({empty({0, 3}), list({3, 0, -1})}).shape().empty() == false);
}

TEST_CASE("Reshape refuses what does not fit") {
  const auto x = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  const node_under_test reshape("Reshape", 14);
  CHECK(contains(reshape.refusal({x, list({4})}), "does not fit"));
  CHECK(contains(reshape.refusal({x, list({-1, -1})}), "leaves two lengths open"));
  CHECK(contains(reshape.refusal({x, list({-1, 4})}), "6 elements do not fit"));
  CHECK(contains(reshape.refusal({x, list({1, 1, 0})}), "axis 2 is to be kept"));
  CHECK(contains(reshape.refusal({x, list({-2, 3})}), "is no shape"));
  CHECK(contains(reshape.refusal({x, list({INT64_MAX, INT64_MAX, 2})}), "does not fit"));
  CHECK(contains(reshape.refusal({x, floats({1}, {6})}), "input 1 is float"));
  CHECK(contains(reshape.refusal({x, longs({1, 1}, {6})}), "0 to 1 axes"));
  CHECK(contains(reshape.refusal({x}), "input 1 is missing"));
  const node_under_test with_zeros("Reshape", 14, {{"allowzero", std::int64_t{1}}});
  CHECK(contains(with_zeros.refusal({empty({0, 3}), list({0, -1})}), "do not fit"));
  CHECK(with_zeros.run({empty({0, 3}), list({3, 0})}).shape() == dims{3, 0});
}

TEST_CASE("before opset 5 Reshape has its shape as an attribute") {
  const auto x = floats({2}, {1, 2});
  CHECK(node_under_test("Reshape", 1, {{"shape", whole_numbers{1, 2}}}).run({x}).shape() == dims{1, 2});
  CHECK(contains(node_under_test("Reshape", 1).refusal({x}), "attribute 'shape' is missing"));
}

TEST_CASE("a shape that is not known yet leaves the result open, one that is gives it") {
  const tensor_type x{dtype::f32, {6}}, two{dtype::i64, {2}};
  CHECK(node_under_test("Reshape", 14).infer({x, two}).empty());
  const auto wanted = list({2, 3});
  const known_input known_x{.type = x}, known_shape{.type = two, .constant = &wanted};
  const std::array<const known_input*, 2> inputs{&known_x, &known_shape};
  const auto made = infer_node(node_under_test("Reshape", 14).which, inputs);
  REQUIRE(made.has_value());
  CHECK(made->types == output_types{{dtype::f32, {2, 3}}});
  CHECK(made->constants.empty());
}

TEST_CASE("Flatten makes two axes of any number") {
  const auto x = empty({2, 3, 4});
  CHECK(node_under_test("Flatten", 13, {{"axis", std::int64_t{0}}}).run({x}).shape() == dims{1, 24});
  CHECK(node_under_test("Flatten", 13, {{"axis", std::int64_t{3}}}).run({x}).shape() == dims{24, 1});
  CHECK(node_under_test("Flatten", 13, {{"axis", std::int64_t{0}}}).run({floats({}, {1})}).shape() == dims{1, 1});
  CHECK(contains(node_under_test("Flatten", 13, {{"axis", std::int64_t{4}}}).refusal({x}), "axis 4"));
}

TEST_CASE("Squeeze and Unsqueeze have their axes as attributes before opset 13, and as inputs from it on") {
  const auto x = empty({1, 2, 1});
  CHECK(node_under_test("Squeeze", 11, {{"axes", whole_numbers{-1}}}).run({x}).shape() == dims{1, 2});
  CHECK(node_under_test("Squeeze", 13).run({x, list({0})}).shape() == dims{2, 1});
  CHECK(node_under_test("Squeeze", 13).run({x}).shape() == dims{2});
  CHECK(node_under_test("Unsqueeze", 11, {{"axes", whole_numbers{0, -1}}}).run({empty({0})}).shape() == dims{1, 0, 1});
  CHECK(node_under_test("Unsqueeze", 13).run({floats({}, {1}), list({0})}).shape() == dims{1});

  CHECK(contains(node_under_test("Squeeze", 13).refusal({x, list({1})}), "is not of length 1"));
  CHECK(contains(node_under_test("Squeeze", 13).refusal({x, list({0, -3})}), "is named twice"));
  CHECK(contains(node_under_test("Squeeze", 11).refusal({x, list({0})}), "1 is the most"));
  CHECK(contains(node_under_test("Unsqueeze", 13).refusal({x, list({4})}), "axis 4 of 4 does not exist"));
  CHECK(contains(node_under_test("Unsqueeze", 11).refusal({x}), "attribute 'axes' is missing"));
}

}  // namespace troupe::gpu::test
