// Goal: the borders of pools. Method: numbers by hand.
#include "unit/gpu/one_node.hpp"

namespace troupe::gpu::test {

namespace {

using attributes = std::map<std::string, attribute, std::less<>>;

attributes of_two(attributes more = {}) {
  more["kernel_shape"] = whole_numbers{2};
  more["strides"] = whole_numbers{2};
  return more;
}

}  // namespace

TEST_CASE("rounding up adds a window that hangs over the end") {
  const auto x = floats({1, 1, 5}, {1, 2, 3, 4, 5});
  CHECK(numbers(node_under_test("MaxPool", 12, of_two()).run({x})) == doubles{2, 4});
  CHECK(numbers(node_under_test("MaxPool", 12, of_two({{"ceil_mode", std::int64_t{1}}})).run({x})) == doubles{2, 4, 5});
}

TEST_CASE("a last window that would begin in the padding is left out") {
  const auto x = floats({1, 1, 3}, {1, 2, 3});
  const node_under_test pool("MaxPool", 12, of_two({{"ceil_mode", std::int64_t{1}}, {"pads", whole_numbers{1, 1}}}));
  CHECK(numbers(pool.run({x})) == doubles{1, 3});
  const node_under_test longer("MaxPool", 12,
                               {{"kernel_shape", whole_numbers{1}},
                                {"strides", whole_numbers{2}},
                                {"ceil_mode", std::int64_t{1}},
                                {"pads", whole_numbers{0, 1}}});
  CHECK(numbers(longer.run({x})) == doubles{1, 3});
}

TEST_CASE("means count the padding only if they are told to, and never what hangs over it") {
  const auto x = floats({1, 1, 3}, {2, 4, 6});
  const auto pads = attribute{whole_numbers{1, 0}};
  CHECK(numbers(node_under_test("AveragePool", 11, of_two({{"pads", pads}})).run({x})) == doubles{2, 5});
  CHECK(numbers(node_under_test("AveragePool", 11, of_two({{"pads", pads}, {"count_include_pad", std::int64_t{1}}})).run({x}))
        == doubles{1, 5});
  const node_under_test over("AveragePool", 11, of_two({{"ceil_mode", std::int64_t{1}}, {"count_include_pad", std::int64_t{1}}}));
  CHECK(numbers(over.run({x})) == doubles{3, 6});
}

TEST_CASE("places of the largest elements count through the whole tensor") {
  const auto x = floats({1, 2, 2, 2}, {1, 2, 4, 3, 5, 9, 7, 6});
  const attributes all{{"kernel_shape", whole_numbers{2, 2}}};
  const auto rows = node_under_test("MaxPool", 12, all, 2).compute({&x});
  REQUIRE(rows.has_value());
  CHECK(numbers((*rows)[0]) == doubles{4, 9});
  CHECK(numbers((*rows)[1]) == doubles{2, 5});
  auto turned = all;
  turned["storage_order"] = std::int64_t{1};
  CHECK(numbers((*node_under_test("MaxPool", 12, turned, 2).compute({&x}))[1]) == doubles{1, 6});
}

TEST_CASE("a pool of negative numbers does not see the padding") {
  const node_under_test pool("MaxPool", 12, {{"kernel_shape", whole_numbers{3}}, {"pads", whole_numbers{1, 1}}});
  CHECK(numbers(pool.run({floats({1, 1, 2}, {-3, -2})})) == doubles{-2, -2});
}

TEST_CASE("norms of planes and windows") {
  const auto x = floats({1, 1, 2}, {3, -4});
  CHECK(numbers(node_under_test("GlobalLpPool", 2).run({x})) == doubles{5});
  CHECK(numbers(node_under_test("GlobalLpPool", 2, {{"p", std::int64_t{1}}}).run({x})) == doubles{7});
  CHECK(numbers(node_under_test("LpPool", 1, {{"kernel_shape", whole_numbers{2}}, {"p", 1.0f}}).run({x})) == doubles{7});
}

TEST_CASE("pools that are not possible are refused") {
  const auto x = empty({1, 1, 4, 4});
  const auto refused = [&](attributes with) { return node_under_test("MaxPool", 12, std::move(with)).refusal({x}); };
  CHECK(contains(refused({}), "kernel_shape is missing"));
  CHECK(contains(refused({{"kernel_shape", whole_numbers{2}}}), "2 spatial axes"));
  CHECK(contains(refused({{"kernel_shape", whole_numbers{0, 2}}}), "kernel [0, 2]"));
  CHECK(contains(refused({{"kernel_shape", whole_numbers{5, 5}}}), "does not fit"));
  CHECK(contains(refused({{"kernel_shape", whole_numbers{1 << 20, 1 << 20}}, {"pads", whole_numbers{1 << 20, 1 << 20, 0, 0}}}),
                 "too large"));
  CHECK(contains(node_under_test("MaxPool", 12, of_two()).refusal({tensor::zeros(dtype::i32, {1, 1, 2})}), "int32"));
  CHECK(contains(node_under_test("GlobalAveragePool", 1).refusal({empty({1, 2, 0})}), "no planes"));
  CHECK(contains(node_under_test("LpPool", 2, of_two({{"p", std::int64_t{-1}}})).refusal({empty({1, 1, 2})}), "p is -1"));
}

}  // namespace troupe::gpu::test
