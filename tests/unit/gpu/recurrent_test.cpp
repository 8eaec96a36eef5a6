// Goal: directions, lengths and layouts of recurrent operators, and what is refused. Method: cells so simple that hands can
// count.
#include <cmath>

#include "unit/gpu/one_node.hpp"

namespace troupe::gpu::test {

namespace {

using attributes = std::map<std::string, attribute, std::less<>>;

/// h = x + h: sums.
node_under_test summing(attributes more = {}, std::size_t directions = 1) {
  more["activations"] = std::vector<std::string>(directions, "Affine");
  more["hidden_size"] = std::int64_t{1};
  return {"RNN", 14, std::move(more), 2};
}

const auto x = floats({3, 1, 1}, {1, 10, 100}), weight = floats({1, 1, 1}, {1});

}  // namespace

TEST_CASE("a sequence is read from its begin, or from its end") {
  CHECK(numbers(summing().run({x, weight, weight})) == doubles{1, 11, 111});
  CHECK(numbers(summing({{"direction", std::string{"reverse"}}}).run({x, weight, weight})) == doubles{111, 110, 100});
  const auto both = floats({2, 1, 1}, {1, 1});
  const auto made = summing({{"direction", std::string{"bidirectional"}}}, 2).compute({&x, &both, &both});
  REQUIRE(made.has_value());
  CHECK((*made)[0].shape() == dims{3, 2, 1, 1});
  CHECK(numbers((*made)[0]) == doubles{1, 111, 11, 110, 111, 100});
  CHECK(numbers((*made)[1]) == doubles{111, 111});
}

TEST_CASE("what comes after a sequence's end is zero") {
  const auto lengths = tensor::of<std::int32_t>({1}, {2}), start = floats({1, 1, 1}, {1000});
  const auto made = summing({{"direction", std::string{"reverse"}}}).compute({&x, &weight, &weight, nullptr, &lengths, &start});
  REQUIRE(made.has_value());
  CHECK(numbers((*made)[0]) == doubles{1011, 1010, 0});
  CHECK(numbers((*made)[1]) == doubles{1011});
}

TEST_CASE("lengths of sequences that are not possible are refused") {
  const auto lengths = tensor::of<std::int32_t>({1}, {4});
  const auto made = summing().compute({&x, &weight, &weight, nullptr, &lengths});
  REQUIRE(made.has_error());
  CHECK(contains(made.error().detail, "of 4 steps, there are 3"));
}

TEST_CASE("batches may come first") {
  const auto turned = summing({{"layout", std::int64_t{1}}}).compute({&x, &weight, &weight});
  REQUIRE(turned.has_value());
  CHECK((*turned)[0].shape() == dims{3, 1, 1, 1});
  CHECK(numbers((*turned)[1]) == doubles{1, 10, 100});
}

TEST_CASE("a memory with coupled gates keeps what it does not take in") {
  // All gates are a half; the cell's input is tanh(0) = 0.
  const node_under_test lstm("LSTM", 14, {{"input_forget", std::int64_t{1}}}, 3);
  const auto zeros = empty({1, 4, 1}), one = floats({1, 1, 1}, {0}), memory = floats({1, 1, 1}, {1});
  const auto made = lstm.compute({&one, &zeros, &zeros, nullptr, nullptr, nullptr, &memory});
  REQUIRE(made.has_value());
  CHECK((*made)[2].number(0) == doctest::Approx(0.5));
  CHECK((*made)[1].number(0) == doctest::Approx(0.5 * std::tanh(0.5)));
}

TEST_CASE("a gated cell resets its state before or after the weights") {
  // Gates are a half; the new state is tanh(0.5 * h), with a bias that only the late reset halves.
  const auto x_of_one = floats({1, 1, 1}, {0}), weights = empty({1, 3, 1}), state = floats({1, 1, 1}, {1});
  const auto recurrence = floats({1, 3, 1}, {0, 0, 1}), bias = floats({1, 6}, {0, 0, 0, 0, 0, 1});
  const auto run = [&](std::int64_t is_late) {
    const node_under_test gru("GRU", 14, {{"linear_before_reset", is_late}}, 2);
    const auto made = gru.compute({&x_of_one, &weights, &recurrence, &bias, nullptr, &state});
    REQUIRE(made.has_value());
    return (*made)[1].number(0);
  };
  CHECK(run(0) == doctest::Approx(0.5 + 0.5 * std::tanh(1.5)));
  CHECK(run(1) == doctest::Approx(0.5 + 0.5 * std::tanh(1.0)));
}

TEST_CASE("weights, activations and directions that do not fit are refused") {
  CHECK(contains(summing().refusal({x, empty({1, 1, 2}), weight}), "input W has the shape [1, 1, 2] instead of [1, 1, 1]"));
  CHECK(contains(summing().refusal({x, weight}), "missing"));
  CHECK(contains(summing({{"direction", std::string{"up"}}}).refusal({x, weight, weight}), "direction is 'up'"));
  CHECK(contains(summing({}, 2).refusal({x, weight, weight}), "2 activations instead of 1"));
  const node_under_test odd("RNN", 14, {{"activations", std::vector<std::string>{"Odd"}}});
  CHECK(contains(odd.refusal({x, weight, weight}), "no activation 'odd'"));
  CHECK(contains(node_under_test("LSTM", 14).refusal({x, weight, weight}), "instead of [1, 4, 1]"));
}

TEST_CASE("a transform of a constant is its sum; a window begins at zero") {
  const node_under_test transform("DFT", 17, {{"onesided", std::int64_t{1}}});
  CHECK(transform.run({floats({1, 4, 1}, {1, 1, 1, 1})}).shape() == dims{1, 3, 2});
  CHECK(transform.run({floats({1, 4, 1}, {1, 1, 1, 1})}).number(0) == doctest::Approx(4));
  CHECK(contains(transform.refusal({empty({4})}), "no signal"));
  CHECK(contains(transform.refusal({empty({1, 4, 1}), longs({}, {0})}), "length 0"));
  CHECK(node_under_test("HannWindow", 17).run({longs({}, {2})}).number(0) == doctest::Approx(0));
  CHECK(contains(node_under_test("HannWindow", 17).refusal({longs({}, {-1})}), "size is -1"));
}

}  // namespace troupe::gpu::test
