// Goal: convolutions are right where ONNX's own cases do not look, and refuse what they cannot stand. Method: numbers by hand.
#include "gpu/operators/window.hpp"
#include "unit/gpu/one_node.hpp"

namespace troupe::gpu::test {

TEST_CASE("a convolution in groups with dilation reads the channels of its group, dilated") {
  const node_under_test conv("Conv", 11, {{"group", std::int64_t{2}}, {"dilations", whole_numbers{2}}});
  const auto x = floats({1, 2, 5}, {1, 2, 3, 4, 5, 10, 20, 30, 40, 50});
  const auto w = floats({2, 1, 2}, {1, 10, 2, 1});

  const auto y = conv.run({x, w, floats({2}, {0.5f, 0})});

  CHECK(y.shape() == dims{1, 2, 3});
  CHECK(numbers(y) == doubles{31.5, 42.5, 53.5, 50, 80, 110});
}

TEST_CASE("pads of a convolution count as zeros, at the begin and at the end apart") {
  const node_under_test conv("Conv", 11, {{"pads", whole_numbers{0, 2}}, {"strides", whole_numbers{2}}});
  CHECK(numbers(conv.run({floats({1, 1, 3}, {1, 2, 3}), floats({1, 1, 2}, {1, 10})})) == doubles{21, 3});
}

TEST_CASE("a convolution has one, two and three spatial axes") {
  const node_under_test conv("Conv", 11);
  CHECK(numbers(conv.run({floats({1, 1, 2}, {1, 2}), floats({1, 1, 2}, {3, 4})})) == doubles{11});
  CHECK(numbers(conv.run({floats({1, 1, 1, 2}, {1, 2}), floats({1, 1, 1, 2}, {3, 4})})) == doubles{11});
  CHECK(numbers(conv.run({floats({1, 1, 1, 2, 1}, {1, 2}), floats({1, 1, 1, 2, 1}, {3, 4})})) == doubles{11});
}

TEST_CASE("a kernel of one element mixes the channels of each place") {
  const node_under_test conv("Conv", 11);
  const auto y = conv.run({floats({1, 2, 1, 2}, {1, 2, 3, 4}), floats({1, 2, 1, 1}, {1, 10}), floats({1}, {100})});
  CHECK(numbers(y) == doubles{131, 142});
}

TEST_CASE("16-bit numbers are summed in float") {
  tensor x(dtype::f16, {1, 3, 1}), w(dtype::f16, {1, 3, 1});
  for (int i = 0; i < 3; ++i) {
    x.as<half>()[i] = half(i == 0 ? 2048.0f : 1.0f);  // in 16 bits, 2048 + 1 is 2048
    w.as<half>()[i] = half(1.0f);
  }
  const auto y = node_under_test("Conv", 11).run({x, w});
  CHECK(y.type() == dtype::f16);
  CHECK(numbers(y) == doubles{2050});
}

TEST_CASE("a transposed convolution spreads its input; output_padding adds to the end") {
  const node_under_test spread("ConvTranspose", 11, {{"strides", whole_numbers{2}}, {"output_padding", whole_numbers{1}}});
  CHECK(numbers(spread.run({floats({1, 1, 2}, {1, 2}), floats({1, 1, 2}, {3, 5})})) == doubles{3, 5, 6, 10, 0});
}

TEST_CASE("a transposed convolution in groups has features of each group") {
  const node_under_test spread("ConvTranspose", 11, {{"group", std::int64_t{2}}});
  const auto y = spread.run({floats({1, 2, 1}, {1, 2}), floats({2, 2, 1}, {1, 2, 3, 4})});
  CHECK(y.shape() == dims{1, 4, 1});
  CHECK(numbers(y) == doubles{1, 2, 6, 8});
}

TEST_CASE("what pads cut off of a transposed convolution is its begin and end") {
  const node_under_test spread("ConvTranspose", 11, {{"pads", whole_numbers{1, 0}}});
  CHECK(numbers(spread.run({floats({1, 1, 2}, {1, 2}), floats({1, 1, 2}, {3, 5})})) == doubles{11, 10});
}

TEST_CASE("convolutions that are not possible are refused") {
  const auto x = empty({1, 2, 4, 4}), w = empty({4, 2, 3, 3});
  const auto refused = [&](std::map<std::string, attribute, std::less<>> attributes) {
    return node_under_test("Conv", 11, std::move(attributes)).refusal({x, w});
  };
  CHECK(contains(refused({{"strides", whole_numbers{0, 1}}}), "strides of [0, 1]"));
  CHECK(contains(refused({{"dilations", whole_numbers{1, -1}}}), "dilations"));
  CHECK(contains(refused({{"dilations", whole_numbers{2, 2}}}), "does not fit into a length of 4"));
  CHECK(contains(refused({{"pads", whole_numbers{1, 1}}}), "pads has 2 numbers instead of 4"));
  CHECK(contains(refused({{"pads", whole_numbers{0, 0, INT64_MAX, 0}}}), "pads of"));
  CHECK(contains(refused({{"group", std::int64_t{3}}}), "3 groups"));
  CHECK(contains(refused({{"group", std::int64_t{2}}}), "does not have the channels"));
  CHECK(contains(refused({{"group", std::int64_t{0}}}), "0 groups"));
  CHECK(contains(refused({{"auto_pad", std::string{"SOME"}}}), "auto_pad is 'SOME'"));
  CHECK(contains(refused({{"kernel_shape", whole_numbers{5, 5}}}), "kernel_shape"));
  const node_under_test conv("Conv", 11);
  CHECK(contains(conv.refusal({x}), "input W is missing"));
  CHECK(contains(conv.refusal({x, w, empty({3})}), "[3] instead of [4]"));
  CHECK(contains(conv.refusal({empty({2, 4}), empty({4, 2})}), "no convolution"));
  CHECK(contains(conv.refusal({tensor::zeros(dtype::i32, {1, 2, 4, 4}), w}), "input X is int32"));
  CHECK(contains(conv.refusal({x, empty({4, 2, 0, 3})}), "kernel [0, 3]"));
}

TEST_CASE("transposed convolutions that leave nothing, or are too large, are refused") {
  const auto x = empty({1, 1, 1}), w = empty({1, 1, 2});
  CHECK(contains(node_under_test("ConvTranspose", 11, {{"pads", whole_numbers{1, 1}}}).refusal({x, w}), "leave nothing"));
  const node_under_test large("ConvTranspose", 11, {{"output_shape", whole_numbers{1 << 28}}});
  CHECK(contains(large.refusal({empty({32, 1, 1}), w}), "too large"));
}

TEST_CASE("windows that are padded to the same length") {
  node same;
  same.attributes["auto_pad"] = std::string{"SAME_UPPER"};
  same.attributes["strides"] = whole_numbers{2};
  const auto upper = detail::window_of(same, {4}, {3});
  REQUIRE(upper.has_value());
  CHECK(upper->output == dims{2});
  CHECK(upper->pads_begin == dims{0});
  CHECK(upper->pads_end == dims{1});
  same.attributes["auto_pad"] = std::string{"SAME_LOWER"};
  CHECK(detail::window_of(same, {4}, {3})->pads_begin == dims{1});
}

}  // namespace troupe::gpu::test
