#include <cmath>

#include "unit/gpu/one_node.hpp"

namespace troupe::gpu::test {

TEST_CASE("Constant has a tensor, or from opset 12 on plain numbers") {
  CHECK(numbers(node_under_test("Constant", 1, {{"value", list({1, 2})}}).run({})) == doubles{1, 2});
  CHECK(node_under_test("Constant", 12, {{"value_int", std::int64_t{3}}}).run({}).full_type() == tensor_type{dtype::i64, {}});
  CHECK(node_under_test("Constant", 12, {{"value_floats", std::vector<float>{1, 2}}}).run({}).shape() == dims{2});
  CHECK(node_under_test("Constant", 12, {{"value_ints", whole_numbers{}}}).run({}).shape() == dims{0});
  CHECK(contains(node_under_test("Constant", 11, {{"value_int", std::int64_t{3}}}).refusal({}), "no value that is supported"));
  CHECK(contains(node_under_test("Constant", 12, {{"value_string", std::string{"a"}}}).refusal({}), "no value"));
}

TEST_CASE("ConstantOfShape fills any shape, that of a scalar and of nothing, too") {
  CHECK(node_under_test("ConstantOfShape", 9).run({list({})}).full_type() == tensor_type{dtype::f32, {}});
  CHECK(node_under_test("ConstantOfShape", 9).run({list({2, 0})}).shape() == dims{2, 0});
  CHECK(numbers(node_under_test("ConstantOfShape", 9, {{"value", list({7})}}).run({list({2})})) == doubles{7, 7});
  CHECK(contains(node_under_test("ConstantOfShape", 9).refusal({list({-1})}), "is no shape"));
  CHECK(contains(node_under_test("ConstantOfShape", 9).refusal({list({1 << 20, 1 << 20})}), "too large"));
  CHECK(contains(node_under_test("ConstantOfShape", 9, {{"value", list({1, 2})}}).refusal({list({1})}), "has to have one"));
}

TEST_CASE("Range counts up and down, as far as its numbers go") {
  const node_under_test range("Range", 11);
  const auto scalar = [](std::int64_t value) { return longs({}, {value}); };
  CHECK(range.run({scalar(3), scalar(9), scalar(3)}).whole_numbers() == whole_numbers{3, 6});
  CHECK(range.run({scalar(3), scalar(-1), scalar(-2)}).whole_numbers() == whole_numbers{3, 1});
  CHECK(range.run({scalar(3), scalar(9), scalar(-1)}).count() == 0);
  CHECK(range.run({scalar(INT64_MIN), scalar(INT64_MAX), scalar(INT64_MAX)}).count() == 3);
  CHECK(range.run({scalar(0), scalar(INT64_MIN), scalar(INT64_MIN)}).whole_numbers() == whole_numbers{0});
  CHECK(numbers(range.run({floats({}, {0}), floats({}, {1}), floats({}, {0.4f})}))[2] == doctest::Approx(0.8));
  CHECK(contains(range.refusal({scalar(0), scalar(1), scalar(0)}), "its step is 0"));
  CHECK(contains(range.refusal({scalar(INT64_MIN), scalar(INT64_MAX), scalar(1)}), "too large"));
  CHECK(contains(range.refusal({floats({}, {NAN}), floats({}, {1}), floats({}, {1})}), "no numbers"));
  CHECK(contains(range.refusal({floats({}, {0}), floats({}, {INFINITY}), floats({}, {1})}), "too large"));
  CHECK(contains(range.refusal({list({1, 2}), scalar(1), scalar(1)}), "one element"));
}

TEST_CASE("EyeLike has its diagonal anywhere") {
  const auto eye = [](std::int64_t k) { return numbers(node_under_test("EyeLike", 9, {{"k", k}}).run({empty({2, 3})})); };
  CHECK(eye(0) == doubles{1, 0, 0, 0, 1, 0});
  CHECK(eye(2) == doubles{0, 0, 1, 0, 0, 0});
  CHECK(eye(-1) == doubles{0, 0, 0, 1, 0, 0});
  CHECK(eye(INT64_MIN) == doubles(6, 0));
  CHECK(eye(INT64_MAX) == doubles(6, 0));
  CHECK(contains(node_under_test("EyeLike", 9).refusal({empty({2})}), "2 axes"));
}

TEST_CASE("OneHot leaves out what is outside of its depth") {
  const node_under_test one_hot("OneHot", 11);
  const auto values = floats({2}, {0, 1});
  CHECK(numbers(one_hot.run({list({0, -1, 5}), longs({}, {2}), values})) == doubles{1, 0, 0, 1, 0, 0});
  CHECK(one_hot.run({longs({}, {0}), longs({}, {0}), values}).shape() == dims{0});
  CHECK(contains(one_hot.refusal({list({0}), longs({}, {-1}), values}), "a depth of -1"));
  CHECK(contains(one_hot.refusal({list({0}), floats({}, {NAN}), values}), "a depth of nan"));
  CHECK(contains(one_hot.refusal({list({0}), list({1}), floats({1}, {0})}), "they have to be [2]"));
  CHECK(one_hot.infer({{dtype::i64, {1}}, {dtype::i64, {}}, {dtype::f32, {2}}}).empty());
}

}  // namespace troupe::gpu::test
