#include <cmath>

#include "unit/gpu/one_node.hpp"

namespace troupe::gpu::test {

TEST_CASE("Round takes the even one of two whole numbers that are equally near") {
  const auto y = node_under_test("Round", 11).run({floats({6}, {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f})});
  CHECK(numbers(y) == doubles{0, 2, 2, 0, -2, -2});
}

TEST_CASE("small floats are rounded once, to the nearest even one") {
  const auto one = tensor::of<half>({1}, {half(1.0f)});
  const auto half_step = tensor::of<half>({1}, {half(1.0f / 2048)});
  CHECK(numbers(node_under_test("Add", 14).run({one, half_step})) == doubles{1});
  const auto three_half_steps = tensor::of<half>({1}, {half(3.0f / 2048)});
  CHECK(numbers(node_under_test("Add", 14).run({one, three_half_steps})) == doubles{1 + 2.0 / 1024});
}

TEST_CASE("whole numbers are exact where a double is not, and wrap around") {
  const std::int64_t large = (std::int64_t{1} << 53) + 1;
  CHECK(node_under_test("Abs", 13).run({list({-large})}).whole_numbers() == whole_numbers{large});
  CHECK(node_under_test("Neg", 13).run({list({INT64_MIN})}).whole_numbers() == whole_numbers{INT64_MIN});
  CHECK(node_under_test("Relu", 14).run({list({large, -large})}).whole_numbers() == whole_numbers{large, 0});
  CHECK(numbers(node_under_test("Abs", 13).run({tensor::of<std::int8_t>({1}, {-128})})) == doubles{-128});
}

TEST_CASE("what is not a number stays so") {
  const auto nan = floats({1}, {NAN});
  for (const auto* const op : {"Relu", "LeakyRelu", "Elu", "Selu", "Sigmoid", "HardSigmoid", "Clip", "Sign", "Softplus"})
    CHECK_MESSAGE(std::isnan(node_under_test(op, 13).run({nan}).number(0)), op);
  CHECK(node_under_test("IsNaN", 13).run({nan}).number(0) == 1);
}

TEST_CASE("IsInf looks for the signs that it is told") {
  const auto x = floats({3}, {-INFINITY, INFINITY, 1});
  CHECK(numbers(node_under_test("IsInf", 10).run({x})) == doubles{1, 1, 0});
  CHECK(numbers(node_under_test("IsInf", 10, {{"detect_negative", std::int64_t{0}}}).run({x})) == doubles{0, 1, 0});
}

TEST_CASE("Clip has its bounds as attributes before opset 11, and as inputs from it on") {
  const auto x = floats({3}, {-2, 0, 2});
  CHECK(numbers(node_under_test("Clip", 6, {{"min", -1.0f}, {"max", 1.0f}}).run({x})) == doubles{-1, 0, 1});
  CHECK(numbers(node_under_test("Clip", 11, {{"min", -1.0f}}).run({x})) == doubles{-2, 0, 2});
  CHECK(numbers(node_under_test("Clip", 11).run({x, floats({}, {-1})})) == doubles{-1, 0, 2});
  CHECK(numbers(node_under_test("Clip", 12).run({list({-5, 5}), longs({}, {-1}), longs({}, {1})})) == doubles{-1, 1});
  const auto high = floats({}, {1});
  const auto made = node_under_test("Clip", 11).compute({&x, nullptr, &high});
  REQUIRE(made.has_value());
  CHECK(numbers((*made)[0]) == doubles{-2, 0, 1});
  CHECK(contains(node_under_test("Clip", 6).refusal({x, high}), "it has 2 inputs; 1 is the most"));
  CHECK(contains(node_under_test("Clip", 11).refusal({x, floats({2}, {0, 1})}), "it has to have one element"));
}

TEST_CASE("Gelu has an exact form and an approximate one") {
  const auto x = floats({1}, {1});
  CHECK(node_under_test("Gelu", 20).run({x}).number(0) == doctest::Approx(0.8413447));
  CHECK(node_under_test("Gelu", 20, {{"approximate", std::string{"tanh"}}}).run({x}).number(0) == doctest::Approx(0.8411920));
  CHECK(contains(node_under_test("Gelu", 20, {{"approximate", std::string{"no"}}}).refusal({x}), "approximate is 'no'"));
  CHECK(contains(node_under_test("Gelu", 19).refusal({x}), "opsets 20 to 21 are"));
}

TEST_CASE("an operator of one input refuses none, two, and types that it has no meaning for") {
  const auto x = floats({1}, {1});
  CHECK(contains(node_under_test("Exp", 13).refusal({}), "input 0 is missing"));
  CHECK(contains(node_under_test("Exp", 13).refusal({x, x}), "it has 2 inputs; 1 is the most"));
  CHECK(contains(node_under_test("Exp", 13).refusal({list({1})}), "input 0 is int64; it has to be float"));
  CHECK(contains(node_under_test("Not", 13).refusal({x}), "input 0 is float; it has to be bool"));
  CHECK(contains(node_under_test("Exp", 13, {}, 2).refusal({x}), "it has 2 outputs; 1 is the most"));
}

TEST_CASE("Dropout hands its input on, with a mask of ones, and refuses to train") {
  const auto x = floats({2}, {1, 2});
  const auto made = node_under_test("Dropout", 7, {}, 2).compute({&x});
  REQUIRE(made.has_value());
  CHECK((*made)[1].full_type() == tensor_type{dtype::f32, {2}});
  const auto newer = node_under_test("Dropout", 13, {}, 2).compute({&x});
  REQUIRE(newer.has_value());
  CHECK((*newer)[1].full_type() == tensor_type{dtype::boolean, {2}});
  CHECK(contains(node_under_test("Dropout", 6).refusal({x}), "training mode"));
  CHECK(numbers(node_under_test("Dropout", 6, {{"is_test", std::int64_t{1}}}).run({x})) == doubles{1, 2});
  const auto training = tensor::of<bool>({}, {true});
  CHECK(contains(node_under_test("Dropout", 13).refusal({x, floats({}, {0.5f}), training}), "training mode"));
}

TEST_CASE("elements of no kind are handed through") {
  CHECK(node_under_test("Exp", 13).run({empty({0, 3})}).shape() == dims{0, 3});
  CHECK(node_under_test("Tanh", 13).run({floats({}, {0})}).shape().empty());
}

TEST_CASE("an empty shape whose steps would overflow is refused") {
  const std::int64_t much = std::int64_t{1} << 31;
  CHECK(contains(node_under_test("Identity", 13).refusal({empty({0, much, much})}), "is too large"));
  CHECK(contains(node_under_test("Identity", 13).refusal({empty(dims(65, 1))}), "65 axes"));
}

}  // namespace troupe::gpu::test
