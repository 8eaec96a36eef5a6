// Goal: rounding, limits and scales of quantised operators. Method: numbers by hand.
#include "unit/gpu/one_node.hpp"

namespace troupe::gpu::test {

namespace {

tensor bytes(dims shape, std::initializer_list<std::uint8_t> values) {
  return tensor::of<std::uint8_t>(std::move(shape), values);
}

}  // namespace

TEST_CASE("numbers are rounded to even, and stay within the type") {
  const node_under_test quantise("QuantizeLinear", 13);
  const auto x = floats({5}, {1, 3, -1000, 1000, 5});
  CHECK(numbers(quantise.run({x, floats({}, {2}), bytes({}, {10})})) == doubles{10, 12, 0, 255, 12});
  CHECK(quantise.run({x, floats({}, {2})}).type() == dtype::u8);
}

TEST_CASE("each place along an axis has its scale, or each block of places") {
  const auto x = floats({2, 2}, {2, 4, 6, 8});
  CHECK(numbers(node_under_test("QuantizeLinear", 13, {{"axis", std::int64_t{0}}}).run({x, floats({2}, {1, 2})}))
        == doubles{2, 4, 3, 4});
  CHECK(numbers(
            node_under_test("DequantizeLinear", 13).run({bytes({2, 2}, {1, 2, 3, 4}), floats({2}, {1, 10}), bytes({2}, {1, 0})}))
        == doubles{0, 20, 2, 40});
  const node_under_test blocks("DequantizeLinear", 21, {{"axis", std::int64_t{1}}, {"block_size", std::int64_t{2}}});
  CHECK(numbers(blocks.run({bytes({1, 3}, {1, 2, 3}), floats({1, 2}, {1, 10})})) == doubles{1, 2, 30});
  CHECK(contains(blocks.refusal({bytes({1, 3}, {1, 2, 3}), floats({1, 3}, {1, 10, 100})}), "it has to be [1, 2]"));
  CHECK(contains(node_under_test("QuantizeLinear", 10).refusal({x, floats({2}, {1, 2})}), "opset 13"));
}

TEST_CASE("the scale of a range is found; a range of nothing has one, too") {
  const auto zero = floats({2}, {0, 0}), x = floats({2}, {-1, 4.1f});
  const node_under_test dynamic("DynamicQuantizeLinear", 11, {}, 3);
  CHECK(numbers((*dynamic.compute({&zero}))[0]) == doubles{0, 0});
  CHECK(numbers((*dynamic.compute({&x}))[2]) == doubles{50});
}

TEST_CASE("products of bytes less their zero points, of rows and columns") {
  const node_under_test product("MatMulInteger", 10);
  const auto a = bytes({2, 1}, {1, 2}), b = bytes({1, 2}, {3, 4});
  CHECK(numbers(product.run({a, b, bytes({2}, {1, 0}), bytes({2}, {0, 4})})) == doubles{0, 0, 6, 0});
  CHECK(contains(product.refusal({a, b, bytes({3}, {1, 1, 1})}), "a_zero_point"));
  CHECK(contains(product.refusal({floats({1, 1}, {1}), b}), "8 bits"));
}

TEST_CASE("scaled products refuse parameters that would not fit to the result") {
  const auto one = floats({}, {1}), zero = bytes({}, {0});
  const auto rows = floats({2, 1}, {1, 2});
  const node_under_test product("QLinearMatMul", 10);
  CHECK(numbers(product.run({bytes({2, 1}, {1, 2}), rows, zero, bytes({1, 1}, {3}), one, zero, one, zero})) == doubles{3, 12});
  CHECK(contains(product.refusal({bytes({2, 1}, {1, 2}), rows, zero, bytes({1}, {3}), one, zero, one, zero}),
                 "no scales of their own"));
  CHECK(contains(product.refusal({bytes({2, 1}, {1, 2}), one, zero}), "input b is missing"));
}

TEST_CASE("convolutions of bytes see zero points in their padding") {
  const node_under_test conv("ConvInteger", 10, {{"pads", whole_numbers{1, 0}}});
  CHECK(numbers(conv.run({bytes({1, 1, 2}, {5, 6}), bytes({1, 1, 2}, {1, 1}), bytes({}, {4})})) == doubles{1, 3});
  CHECK(contains(conv.refusal({bytes({1, 1, 2}, {5, 6}), bytes({1, 1, 2}, {1, 1}), bytes({2}, {4, 4})}), "one number"));
}

}  // namespace troupe::gpu::test
