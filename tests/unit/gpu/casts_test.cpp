#include <cmath>

#include "unit/gpu/one_node.hpp"

namespace troupe::gpu::test {

namespace {

tensor cast_to(std::int64_t type, const tensor& x) { return node_under_test("Cast", 13, {{"to", type}}).run({x}); }

constexpr std::int64_t uint8 = 2, int8 = 3, int64 = 7, boolean = 9, text = 8;

}  // namespace

TEST_CASE("floating numbers become the nearest whole ones that there are, cut off") {
  const auto x = floats({6}, {-1.9f, 1.9f, 300, -300, INFINITY, NAN});
  CHECK(numbers(cast_to(int8, x)) == doubles{-1, 1, 127, -128, 127, 0});
  CHECK(numbers(cast_to(uint8, x)) == doubles{0, 1, 255, 0, 255, 0});
  CHECK(cast_to(int64, floats({2}, {1e30f, -1e30f})).whole_numbers() == whole_numbers{INT64_MAX, INT64_MIN});
}

TEST_CASE("whole numbers lose the bits that do not fit") {
  CHECK(numbers(cast_to(int8, list({200, -1, 256}))) == doubles{-56, -1, 0});
}

TEST_CASE("everything but zero is true") {
  CHECK(numbers(cast_to(boolean, floats({4}, {0, 0.25f, -3, NAN}))) == doubles{0, 1, 1, 1});
  CHECK(numbers(cast_to(boolean, list({0, 256}))) == doubles{0, 1});
}

TEST_CASE("Cast refuses types that are missing or not supported") {
  const auto x = floats({1}, {1});
  CHECK(contains(node_under_test("Cast", 13).refusal({x}), "attribute 'to' is missing"));
  CHECK(contains(node_under_test("Cast", 13, {{"to", text}}).refusal({x}), "texts are not supported"));
  CHECK(contains(node_under_test("Cast", 13, {{"to", INT64_MIN}}).refusal({x}), "not supported"));
}

TEST_CASE("before opset 6 Cast has its type by name") {
  const auto x = floats({1}, {1.5f});
  CHECK(node_under_test("Cast", 1, {{"to", std::string{"INT32"}}}).run({x}).type() == dtype::i32);
  CHECK(contains(node_under_test("Cast", 1, {{"to", std::string{"int"}}}).refusal({x}), "type 'int' is not supported"));
}

TEST_CASE("CastLike takes the type of its second input") {
  CHECK(node_under_test("CastLike", 15).run({floats({1}, {2}), list({})}).full_type() == tensor_type{dtype::i64, {1}});
}

}  // namespace troupe::gpu::test
