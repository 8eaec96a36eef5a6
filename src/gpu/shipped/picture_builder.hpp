#pragma once

#include <span>
#include <string>
#include <vector>

#include "gpu/network_builder.hpp"

namespace troupe::gpu::shipped {

constexpr std::int64_t channels = 3;

/// Filters of a convolution over all channels, `[outputs][inputs][rows][columns]`, zero until they are set.
class filters {
 public:
  filters(std::int64_t outputs, std::int64_t inputs, std::int64_t side)
      : outputs_(outputs), inputs_(inputs), side_(side), values_(static_cast<std::size_t>(outputs * inputs * side * side)) {}
  float& at(std::int64_t output, std::int64_t input, std::int64_t row = 0, std::int64_t column = 0) {
    return values_[static_cast<std::size_t>(((output * inputs_ + input) * side_ + row) * side_ + column)];
  }
  [[nodiscard]] tensor weights() const { return tensor::of<float>({outputs_, inputs_, side_, side_}, std::span(values_)); }
  [[nodiscard]] std::int64_t side() const { return side_; }

 private:
  std::int64_t outputs_, inputs_, side_;
  std::vector<float> values_;
};

/// A network from a picture, [batch, 3, height, width] with values from 0 to 1, to another one. It is built of what executors are
/// fast at: convolutions over all channels, though most of their weights are zero, and simple functions behind them.
class picture_builder {
 public:
  using integers = std::vector<std::int64_t>;
  /// @param side of the pictures; any, unless it is said
  explicit picture_builder(std::string name, std::int64_t side = open_length)
      : net_(std::move(name)), picture_(net_.input("picture", dtype::f32, {open_length, channels, side, side})) {}

  [[nodiscard]] value_id picture() const { return picture_; }
  value_id constant(float number) { return net_.constant(tensor::of<float>({}, {number})); }
  /// With zeros around the picture.
  value_id convolve(value_id of, const filters& with, std::int64_t dilation = 1) {
    const auto around = with.side() / 2 * dilation;
    return net_.add("Conv", {of, net_.constant(with.weights())},
                    {{"kernel_shape", integers{with.side(), with.side()}},
                     {"pads", integers{around, around, around, around}},
                     {"dilations", integers{dilation, dilation}}});
  }
  /// The largest value of the 3 x 3 around each.
  value_id largest_around(value_id of) {
    return net_.add("MaxPool", {of},
                    {{"kernel_shape", integers{3, 3}}, {"pads", integers{1, 1, 1, 1}}, {"strides", integers{1, 1}}});
  }
  value_id depth_to_space(value_id of, std::int64_t side) {
    return net_.add("DepthToSpace", {of}, {{"blocksize", side}, {"mode", std::string{"CRD"}}});
  }
  value_id add(const char* op, std::vector<value_id> to, std::map<std::string, attribute, std::less<>> with) {
    return net_.add(op, std::move(to), std::move(with));
  }
  value_id constant(tensor elements) { return net_.constant(std::move(elements)); }
  value_id clip(value_id of, float low, float high) { return net_.add("Clip", {of, constant(low), constant(high)}); }
  value_id apply(const char* op, std::vector<value_id> to) { return net_.add(op, std::move(to)); }
  graph finish(value_id result) { return finish(clip(result, 0, 1), dims{open_length, channels, open_length, open_length}); }
  /// @param shape of the result, as the file says it
  graph finish(value_id result, const dims& shape) {
    net_.output(result, "result");
    auto made = net_.finish();
    made.values[result].type = dtype::f32;
    made.values[result].shape = shape;
    return made;
  }

 private:
  network_builder net_;
  value_id picture_;
};

}  // namespace troupe::gpu::shipped
