#include <cmath>

#include "unit/gpu/one_node.hpp"

namespace troupe::gpu::test {

namespace {

const std::int64_t set = 1;

}

TEST_CASE("scalars and axes of length 1 are repeated, and those of length 0 win") {
  const node_under_test add("Add", 14);
  CHECK(numbers(add.run({floats({}, {1}), floats({2}, {1, 2})})) == doubles{2, 3});
  CHECK(numbers(add.run({floats({2, 1}, {10, 20}), floats({2}, {1, 2})})) == doubles{11, 12, 21, 22});
  CHECK(add.run({empty({0, 2}), floats({1, 2}, {1, 2})}).shape() == dims{0, 2});
  CHECK(add.run({empty({3, 0}), floats({}, {1})}).shape() == dims{3, 0});
  CHECK(contains(add.refusal({floats({2}, {1, 2}), floats({3}, {1, 2, 3})}), "shapes [2] and [3] do not fit together"));
  CHECK(contains(add.refusal({floats({1}, {1}), list({1})}), "input 0 is float, input 1 is int64"));
}

TEST_CASE("before opset 7 the second input is repeated only if it is said, along the axis that is said") {
  const auto a = floats({2, 3}, {0, 0, 0, 0, 0, 0});
  const auto b = floats({2}, {1, 2});
  const node_under_test along_first("Add", 6, {{"broadcast", set}, {"axis", std::int64_t{0}}});
  CHECK(numbers(along_first.run({a, b})) == doubles{1, 1, 1, 2, 2, 2});
  const node_under_test along_last("Add", 6, {{"broadcast", set}});
  CHECK(numbers(along_last.run({a, floats({3}, {1, 2, 3})})) == doubles{1, 2, 3, 1, 2, 3});
  CHECK(numbers(along_last.run({a, floats({}, {5})})) == doubles{5, 5, 5, 5, 5, 5});
  CHECK(contains(along_last.refusal({a, b}), "do not fit"));
  CHECK(contains(along_last.refusal({floats({1}, {1}), b}), "does not fit into"));
  CHECK(contains(node_under_test("Add", 6).refusal({a, b}), "broadcast is not set"));
  const node_under_test outside("Add", 6, {{"broadcast", set}, {"axis", std::int64_t{5}}});
  CHECK(contains(outside.refusal({a, b}), "axis 5 of 2 does not exist"));
  const node_under_test over_the_end("Add", 6, {{"broadcast", set}, {"axis", std::int64_t{1}}});
  CHECK(contains(over_the_end.refusal({a, floats({3, 1}, {1, 2, 3})}), "at axis 1"));
}

TEST_CASE("whole numbers are divided towards zero, and never by it") {
  const node_under_test div("Div", 14);
  CHECK(div.run({list({7, -7, INT64_MIN}), list({2, 2, -1})}).whole_numbers() == whole_numbers{3, -3, INT64_MIN});
  CHECK(contains(div.refusal({list({1}), list({0})}), "divided by 0"));
  CHECK(std::isinf(div.run({floats({1}, {1}), floats({1}, {0})}).number(0)));
}

TEST_CASE("Mod has the divisor's sign, or with fmod the dividend's") {
  const auto a = list({7, -7, 7, -7, INT64_MIN}), b = list({3, 3, -3, -3, -1});
  CHECK(node_under_test("Mod", 13).run({a, b}).whole_numbers() == whole_numbers{1, 2, -2, -1, 0});
  CHECK(node_under_test("Mod", 13, {{"fmod", set}}).run({a, b}).whole_numbers() == whole_numbers{1, -1, 1, -1, 0});
  CHECK(contains(node_under_test("Mod", 13).refusal({list({1}), list({0})}), "divided by 0"));
  CHECK(contains(node_under_test("Mod", 13).refusal({floats({1}, {1}), floats({1}, {1})}), "fmod"));
}

TEST_CASE("Pow has the type of its base, and whole powers are exact") {
  const node_under_test pow("Pow", 13);
  CHECK(pow.run({list({3}), list({39})}).whole_numbers() == whole_numbers{4052555153018976267});
  CHECK(pow.run({list({2, 1, -1, 0}), list({-1, -5, -3, -2})}).whole_numbers() == whole_numbers{0, 1, -1, 0});
  const auto mixed = pow.run({list({4}), floats({1}, {0.5f})});
  CHECK(mixed.type() == dtype::i64);
  CHECK(mixed.whole_numbers() == whole_numbers{2});
  CHECK(numbers(pow.run({floats({1}, {2}), list({-1})})) == doubles{0.5});
}

TEST_CASE("PRelu has its slopes along the channels before opset 7, and along the last axis from it on") {
  const auto x = floats({1, 2, 2}, {-1, -1, -1, -1});
  const auto slope = floats({2}, {1, 2});
  CHECK(numbers(node_under_test("PRelu", 6).run({x, slope})) == doubles{-1, -1, -2, -2});
  CHECK(numbers(node_under_test("PRelu", 9).run({x, slope})) == doubles{-1, -2, -1, -2});
  CHECK(contains(node_under_test("PRelu", 9).refusal({x, floats({3, 1, 1}, {1, 2, 3})}), "slopes of shape [3, 1, 1]"));
}

TEST_CASE("Min and Max take any number of inputs, and what is not a number wins") {
  const auto y = node_under_test("Max", 13).run({floats({3}, {1, NAN, 1}), floats({3}, {2, 1, NAN}), floats({}, {0})});
  CHECK(y.number(0) == 2);
  CHECK(std::isnan(y.number(1)));
  CHECK(std::isnan(y.number(2)));
  CHECK(numbers(node_under_test("Mean", 13).run({floats({}, {1}), floats({2}, {2, 4})})) == doubles{1.5, 2.5});
  CHECK(contains(node_under_test("Sum", 13).refusal({}), "input 0 is missing"));
  CHECK(contains(node_under_test("Sum", 13).refusal({list({1})}), "input 0 is int64"));
}

TEST_CASE("comparisons of 64-bit numbers are exact") {
  const std::int64_t large = (std::int64_t{1} << 53) + 1;
  CHECK(numbers(node_under_test("Equal", 13).run({list({large}), list({large - 1})})) == doubles{0});
  CHECK(numbers(node_under_test("Greater", 13).run({list({large}), list({large - 1})})) == doubles{1});
  CHECK(numbers(node_under_test("LessOrEqual", 12).run({floats({2}, {NAN, 1}), floats({}, {1})})) == doubles{0, 1});
  CHECK(contains(node_under_test("LessOrEqual", 9).refusal({list({1}), list({1})}), "is not supported"));
}

TEST_CASE("bits shifted out of a number are gone") {
  const node_under_test left("BitShift", 11, {{"direction", std::string{"LEFT"}}});
  const auto x = tensor::of<std::uint8_t>({3}, {1, 3, 255}), by = tensor::of<std::uint8_t>({3}, {7, 7, 200});
  CHECK(numbers(left.run({x, by})) == doubles{128, 128, 0});
  CHECK(contains(node_under_test("BitShift", 11).refusal({x, by}), "direction is ''"));
}

TEST_CASE("Where repeats all three of its inputs") {
  const node_under_test where("Where", 9);
  const auto condition = tensor::of<bool>({2, 1}, {true, false});
  CHECK(numbers(where.run({condition, floats({2}, {1, 2}), floats({}, {9})})) == doubles{1, 2, 9, 9});
  CHECK(contains(where.refusal({floats({1}, {1}), floats({1}, {1}), floats({1}, {1})}), "input 0 is float"));
  CHECK(contains(where.refusal({condition, floats({1}, {1}), list({1})}), "they have to be the same"));
}

}  // namespace troupe::gpu::test
