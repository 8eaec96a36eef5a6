#include <doctest/doctest.h>

#include <random>
#include <set>

#include "gpu/device/kernels.hpp"
#include "gpu/device/view.hpp"
#include "gpu/operators/broadcast.hpp"

namespace troupe::gpu::device {

namespace {

std::mt19937 random_source(5);
std::int64_t draw(std::int64_t least, std::int64_t most) {
  return std::uniform_int_distribution<std::int64_t>(least, most)(random_source);
}

/// All places of a lattice, in each tensor.
std::multiset<std::vector<std::int64_t>> places(const lattice& of) {
  std::multiset<std::vector<std::int64_t>> all;
  const auto own = strides_of(of.lengths);
  for (std::int64_t i = 0; i < count_of(of.lengths); ++i) {
    std::vector<std::int64_t> at(of.by.size(), 0);
    for (std::size_t axis = 0; axis < own.size(); ++axis)
      for (std::size_t k = 0; k < at.size(); ++k) at[k] += i / own[axis] % of.lengths[axis] * of.by[k][axis];
    all.insert(at);
  }
  return all;
}

view view_of(const dims& shape, const dims& by) { return {.in = 0, .type = {dtype::f32, shape}, .by = by, .first = 0}; }

}  // namespace

TEST_CASE("a simplified lattice has the same places with no more axes") {
  for (int trial = 0; trial < 300; ++trial) {
    const auto rank = static_cast<std::size_t>(draw(0, 6));
    lattice one;
    for (std::size_t axis = 0; axis < rank; ++axis) one.lengths.push_back(draw(1, 4));
    const auto dense = strides_of(one.lengths);
    dims repeats = dense, turned = dense;
    for (auto& step : repeats) step = draw(0, 2) == 0 ? 0 : step;
    std::shuffle(turned.begin(), turned.end(), random_source);
    one.by = {repeats, turned, dense};

    const auto made = simplified(one);

    REQUIRE(made);
    CHECK(made->lengths.size() <= rank);
    CHECK(places(*made) == places(one));
  }
}

TEST_CASE("tensors without gaps are one axis, and more than eight axes are refused") {
  const dims shape{2, 3, 4, 5};
  CHECK(simplified({.lengths = shape, .by = {strides_of(shape), strides_of(shape)}})->lengths == dims{120});
  const auto last = steps_in(shape, layout::channels_last);
  CHECK(simplified({.lengths = shape, .by = {last, last}})->lengths == dims{120});
  const dims many(9, 2);
  auto backwards = strides_of(many);
  std::ranges::reverse(backwards);
  CHECK(!simplified({.lengths = many, .by = {strides_of(many), backwards}}));
}

TEST_CASE("kernels find the places that numpy's broadcasting has") {
  for (int trial = 0; trial < 200; ++trial) {
    dims into, shape;
    for (std::int64_t axis = draw(1, 5); axis > 0; --axis) into.push_back(draw(1, 4));
    shape.assign(into.begin() + draw(0, std::ssize(into) - 1), into.end());
    for (auto& length : shape) length = draw(0, 1) == 0 ? 1 : length;
    const auto by = repeated(view_of(shape, strides_of(shape)), into);
    const auto over = simplified({.lengths = into, .by = {by, strides_of(into)}});
    REQUIRE(over);
    const std::array strides{detail::broadcast_strides(shape, into)};
    detail::for_each_element(into, strides, [&](std::int64_t i, const auto& at) {
      CHECK(place_of(i, to_axes(over->lengths), to_steps(over->by[1])) == i);
      CHECK(place_of(i, to_axes(over->lengths), to_steps(over->by[0])) == at[0]);
    });
  }
}

TEST_CASE("places beyond 32 bits are found too") {
  axes over;
  over.rank = 2;
  over.lengths[0] = std::int64_t{1} << 21;
  over.lengths[1] = std::int64_t{1} << 20;
  steps by;
  by.by[0] = over.lengths[1];
  by.by[1] = 1;
  for (const std::int64_t i : {std::int64_t{UINT32_MAX}, std::int64_t{UINT32_MAX} + 1, (std::int64_t{1} << 41) - 1})
    CHECK(place_of(i, over, by) == i);
}

TEST_CASE("a result lies in the order of axes of what it is made of") {
  const dims shape{2, 8, 5, 6};
  const auto last = steps_in(shape, layout::channels_last);
  CHECK(last == dims{240, 1, 48, 8});
  CHECK(steps_in(shape, layout::channels_first) == strides_of(shape));
  CHECK(steps_like(view_of(shape, last), {2, 4, 3, 3}) == dims{36, 1, 12, 4});
  CHECK(steps_like(view_of(shape, strides_of(shape)), {2, 4, 3, 3}) == strides_of({2, 4, 3, 3}));
  CHECK(steps_like(view_of(shape, {0, 0, 0, 1}), shape) == strides_of(shape));
  CHECK(steps_like(view_of(shape, {240, 30, 6, -1}), shape) == strides_of(shape));
  CHECK(lies_as(view_of({1, 8, 1, 1}, steps_in({1, 8, 1, 1}, layout::channels_last)), strides_of({1, 8, 1, 1})));
  CHECK(!lies_as(view_of(shape, last), strides_of(shape)));
}

TEST_CASE("channels lie last where tensor cores take them in sixteen bytes") {
  CHECK(layout_for({64, 32, 3, 3}, 1, false, dtype::f32) == layout::channels_last);
  CHECK(layout_for({64, 3, 7, 7}, 1, false, dtype::f32) == layout::channels_first);
  CHECK(layout_for({32, 1, 3, 3}, 32, false, dtype::f32) == layout::channels_first);
  CHECK(layout_for({255, 128, 1, 1}, 1, false, dtype::f32) == layout::channels_first);
  CHECK(layout_for({64, 32, 2, 2}, 1, true, dtype::f32) == layout::channels_last);
  CHECK(layout_for({64, 12, 3, 3}, 1, false, dtype::f32) == layout::channels_last);
  CHECK(layout_for({64, 12, 3, 3}, 1, false, dtype::f16) == layout::channels_first);
}

TEST_CASE("a row-major product is the turned one of BLAS") {
  const auto call =
      blas_call_of({.rows = 2, .inner = 3, .columns = 5, .batch = 7, .left_is_turned = true, .left_step = 6, .right_step = 15});
  CHECK(call.m == 5);
  CHECK(call.n == 2);
  CHECK(call.k == 3);
  CHECK(call.first_stride == 5);
  CHECK(call.second_stride == 2);
  CHECK(call.second_is_turned);
  CHECK(!call.first_is_turned);
  CHECK(call.result_step == 10);
}

TEST_CASE("two convolutions have one key only if they are the same") {
  convolution_spec one{.x = {1, 2, 8, 8},
                       .w = {4, 2, 3, 3},
                       .y = {1, 4, 8, 8},
                       .x_steps = {},
                       .w_steps = {},
                       .y_steps = {},
                       .pads = {1, 1},
                       .strides = {1, 1},
                       .dilations = {1, 1}};
  auto other = one;
  CHECK(key_of(one) == key_of(other));
  other.tail.function = pointwise_op::clip;
  other.tail.beta = 6;
  CHECK(key_of(one) != key_of(other));
  one.tail = other.tail;
  CHECK(key_of(one) == key_of(other));
  one.tail.beta = 5;
  CHECK(key_of(one) != key_of(other));
  CHECK(key_of(one).find_first_of("\t\n") == std::string::npos);  // it stands in a line of a file
}

}  // namespace troupe::gpu::device
