// Goal: shapes of products. Method: numbers by hand.
#include "unit/gpu/one_node.hpp"

namespace troupe::gpu::test {

TEST_CASE("lists are rows on the left and columns on the right") {
  const node_under_test product("MatMul", 13);
  const auto list_of_two = floats({2}, {1, 10}), matrix = floats({2, 2}, {1, 2, 3, 4});
  CHECK(product.run({list_of_two, list_of_two}).shape().empty());
  CHECK(numbers(product.run({list_of_two, list_of_two})) == doubles{101});
  CHECK(numbers(product.run({list_of_two, matrix})) == doubles{31, 42});
  CHECK(numbers(product.run({matrix, list_of_two})) == doubles{21, 43});
}

TEST_CASE("stacks of matrices are repeated along axes of length 1") {
  const node_under_test product("MatMul", 13);
  const auto y = product.run({floats({2, 1, 1, 1}, {2, 3}), floats({3, 1, 1}, {1, 10, 100})});
  CHECK(y.shape() == dims{2, 3, 1, 1});
  CHECK(numbers(y) == doubles{2, 20, 200, 3, 30, 300});
}

TEST_CASE("products of whole numbers wrap around") {
  const auto large = longs({1, 1}, {INT64_MAX});
  CHECK(node_under_test("MatMul", 13).run({large, longs({1, 1}, {2})}).as<std::int64_t>()[0] == -2);
}

TEST_CASE("products that are not possible are refused") {
  const node_under_test product("MatMul", 13), general("Gemm", 13);
  CHECK(contains(product.refusal({empty({2, 3}), empty({2, 3})}), "cannot be multiplied"));
  CHECK(contains(product.refusal({empty({}), empty({1})}), "scalar"));
  CHECK(contains(product.refusal({empty({2, 1, 1}), empty({3, 1, 1})}), "do not fit"));
  CHECK(contains(general.refusal({empty({1, 1, 1}), empty({1, 1})}), "no matrices"));
  CHECK(contains(general.refusal({empty({2, 3}), empty({3, 4}), empty({3})}), "do not fit"));
  CHECK(contains(general.refusal({empty({1, 3}), empty({3, 4}), empty({2, 4})}), "does not fit into"));
  CHECK(contains(node_under_test("Gemm", 9).refusal({empty({1, 1}), empty({1, 1})}), "input C is missing"));
}

TEST_CASE("a general product turns, scales and adds") {
  const node_under_test general("Gemm", 13,
                                {{"transA", std::int64_t{1}}, {"transB", std::int64_t{1}}, {"alpha", 2.0f}, {"beta", 0.5f}});
  CHECK(numbers(general.run({floats({2, 1}, {1, 2}), floats({1, 2}, {3, 4}), floats({}, {10})})) == doubles{27});
}

TEST_CASE("sums of products by an equation") {
  const auto a = floats({2, 2}, {1, 2, 3, 4});
  const auto run = [&](const char* equation, std::initializer_list<tensor> inputs) {
    return numbers(node_under_test("Einsum", 12, {{"equation", std::string{equation}}}).run(inputs));
  };
  CHECK(run("ii", {a}) == doubles{5});
  CHECK(run("ii->i", {a}) == doubles{1, 4});
  CHECK(run("ij->ji", {a}) == doubles{1, 3, 2, 4});
  CHECK(run("ba", {a}) == doubles{1, 3, 2, 4});
  CHECK(run("...j, j -> ...", {a, floats({2}, {1, 10})}) == doubles{21, 43});
  CHECK(run("ij,jk", {a, a}) == doubles{7, 10, 15, 22});
}

TEST_CASE("equations that are not possible, or without end, are refused") {
  const auto a = empty({2, 3});
  const auto refused = [&](const char* equation, std::initializer_list<tensor> inputs) {
    return node_under_test("Einsum", 12, {{"equation", std::string{equation}}}).refusal(inputs);
  };
  CHECK(contains(refused("ij,jk", {a}), "not one of 1 inputs"));
  CHECK(contains(refused("ii", {a}), "do not fit together"));
  CHECK(contains(refused("i", {a}), "1 axes"));
  CHECK(contains(refused("ij->k", {a}), "output"));
  CHECK(contains(refused("ij->ii", {a}), "output"));
  CHECK(contains(refused("i1", {a}), "no term"));
  CHECK(contains(refused("...i...", {a}), "no term"));
  const auto long_list = empty({1 << 14});
  CHECK(contains(refused("a,b,c->", {long_list, long_list, long_list}), "too many"));
}

TEST_CASE("determinants of stacks of matrices") {
  CHECK(numbers(node_under_test("Det", 11).run({floats({2, 2, 2}, {0, 1, 1, 0, 1, 2, 2, 4})})) == doubles{-1, 0});
  CHECK(contains(node_under_test("Det", 11).refusal({empty({2, 3})}), "square"));
}

}  // namespace troupe::gpu::test
