// Goal: reductions and selections per opset, and at their edges. Method: numbers by hand.
#include <cmath>
#include <limits>

#include "unit/gpu/one_node.hpp"

namespace troupe::gpu::test {

namespace {
const auto matrix = floats({2, 3}, {1, 2, 3, 4, 5, 6});
}

TEST_CASE("axes are an attribute, then an input") {
  const node_under_test old("ReduceSum", 11, {{"axes", whole_numbers{0}}, {"keepdims", std::int64_t{0}}});
  CHECK(numbers(old.run({matrix})) == doubles{5, 7, 9});
  const node_under_test recent("ReduceSum", 13);
  CHECK(numbers(recent.run({matrix, list({-1})})) == doubles{6, 15});
  CHECK(recent.run({matrix, list({-1})}).shape() == dims{2, 1});
  CHECK(numbers(node_under_test("ReduceMax", 13, {{"axes", whole_numbers{1}}}).run({matrix})) == doubles{3, 6});
  CHECK(numbers(node_under_test("ReduceMax", 18).run({matrix, list({1})})) == doubles{3, 6});
}

TEST_CASE("no axes are all, or none if the file says so") {
  CHECK(numbers(node_under_test("ReduceSum", 13).run({matrix, list({})})) == doubles{21});
  const node_under_test none("ReduceSum", 13, {{"noop_with_empty_axes", std::int64_t{1}}});
  CHECK(numbers(none.run({matrix, list({})})) == numbers(matrix));
  CHECK(none.run({matrix}).shape() == dims{2, 3});
  CHECK(node_under_test("ReduceSum", 13).infer({{dtype::f32, {2, 3}}, {dtype::i64, {1}}}).empty());
}

TEST_CASE("reductions of nothing") {
  const auto nothing = empty({0});
  CHECK(numbers(node_under_test("ReduceSum", 13).run({nothing})) == doubles{0});
  CHECK(numbers(node_under_test("ReduceProd", 13).run({nothing})) == doubles{1});
  CHECK(numbers(node_under_test("ReduceMax", 20).run({nothing})) == doubles{-std::numeric_limits<double>::infinity()});
  CHECK(std::isnan(node_under_test("ReduceMean", 18).run({nothing}).number(0)));
  CHECK(contains(node_under_test("ReduceMean", 18).refusal({tensor::zeros(dtype::i32, {0})}), "no mean of nothing"));
}

TEST_CASE("the logarithm of a sum of powers does not overflow") {
  const auto y = node_under_test("ReduceLogSumExp", 18).run({floats({2}, {1000, 1000})});
  CHECK(y.number(0) == doctest::Approx(1000 + std::log(2.0)));
}

TEST_CASE("whole numbers wrap around instead of being undefined") {
  const auto large = longs({2}, {INT64_MAX, 1});
  CHECK(node_under_test("ReduceSum", 13).run({large}).as<std::int64_t>()[0] == INT64_MIN);
  CHECK(node_under_test("ReduceL1", 13).run({longs({1}, {INT64_MIN})}).as<std::int64_t>()[0] == INT64_MIN);
  CHECK(node_under_test("CumSum", 11).run({large, longs({}, {0})}).as<std::int64_t>()[1] == INT64_MIN);
}

TEST_CASE("reductions that are not possible are refused") {
  CHECK(contains(node_under_test("ReduceSum", 13).refusal({matrix, list({2})}), "axis 2"));
  CHECK(contains(node_under_test("ReduceSum", 13).refusal({matrix, list({1, -1})}), "twice"));
  CHECK(contains(node_under_test("ReduceSum", 13).refusal({matrix, floats({1}, {1})}), "input 1 is float"));
  CHECK(contains(node_under_test("ReduceSum", 13).refusal({tensor::zeros(dtype::boolean, {1})}), "bool"));
  CHECK(contains(node_under_test("ReduceSum", 13).refusal({}), "input data is missing"));
}

TEST_CASE("of equal elements the first is found, or the last") {
  const auto x = floats({4}, {1, 3, 3, 0});
  CHECK(numbers(node_under_test("ArgMax", 13).run({x})) == doubles{1});
  CHECK(numbers(node_under_test("ArgMax", 13, {{"select_last_index", std::int64_t{1}}}).run({x})) == doubles{2});
  CHECK(contains(node_under_test("ArgMin", 13).refusal({empty({0})}), "no elements"));
}

TEST_CASE("the largest and the smallest, with their places; equal ones in their order") {
  const auto x = floats({5}, {2, 9, NAN, 9, 1}), three = floats({3}, {1, 1, 0}), count = list({2});
  const node_under_test top("TopK", 11, {}, 2), bottom("TopK", 11, {{"largest", std::int64_t{0}}}, 2);
  const auto largest = top.compute({&x, &count}), smallest = bottom.compute({&x, &count}), equal = top.compute({&three, &count});
  REQUIRE(largest.has_value());
  CHECK(numbers((*largest)[1]) == doubles{2, 1});
  CHECK(numbers((*smallest)[0]) == doubles{1, 2});
  CHECK(numbers((*equal)[1]) == doubles{0, 1});
  CHECK(numbers(node_under_test("TopK", 1, {{"k", std::int64_t{1}}}, 2).run({three})) == doubles{1});
}

TEST_CASE("more elements than there are cannot be selected") {
  const node_under_test top("TopK", 11, {}, 2);
  CHECK(contains(top.refusal({matrix, list({4})}), "does not have 4 elements"));
  CHECK(contains(top.refusal({matrix, list({-1})}), "does not have -1"));
  CHECK(contains(top.refusal({matrix, list({1, 1})}), "one element"));
  CHECK(contains(top.refusal({matrix}), "input 1 is missing"));
  CHECK(contains(node_under_test("TopK", 1, {}, 2).refusal({matrix}), "-1 elements"));
}

TEST_CASE("running sums from the end, without the element itself") {
  const node_under_test sum("CumSum", 14, {{"exclusive", std::int64_t{1}}, {"reverse", std::int64_t{1}}});
  CHECK(numbers(sum.run({matrix, longs({}, {1})})) == doubles{5, 3, 0, 11, 6, 0});
  CHECK(contains(sum.refusal({matrix, longs({}, {2})}), "axis 2"));
}

}  // namespace troupe::gpu::test
