#include <array>
#include <string>

#include "gpu/shipped/picture_builder.hpp"
#include "gpu/shipped/shipped.hpp"

namespace troupe::gpu::shipped {

namespace {

using integers = picture_builder::integers;

constexpr std::int64_t side = 256, step = 2, places = side / step;
/// Sides of the windows in which one shape is looked for, odd, each half as large again as the one before.
constexpr std::array<std::int64_t, 8> windows{17, 25, 37, 53, 75, 107, 151, 213};

/// Looks for a shape by itself in the middle of each window: how wide and high it is and how much of that it covers is counted,
/// and says what it is. Upright squares cover all, circles pi / 4, triangles half.
class shape_finder {
 public:
  explicit shape_finder(picture_builder& net) : net_(net), mask_(mask()), middle_(ramp(middle(), 0.5F, 0.75F)) {}

  /// Seven numbers for each window of that side: the box's middle, width and height, and a score for each class.
  value_id look(std::int64_t window) {
    const auto columns = net_.add("MaxPool", {mask_}, pool(window, 1)), rows = net_.add("MaxPool", {mask_}, pool(1, window));
    const auto across = measure(columns, window, true), down = measure(rows, window, false);
    const auto area = sum(sum(mask_, window, true), window, false);
    const auto around = sum(sum(mask_, window + 4, true), window + 4, false);
    const auto covered = divide(area, net_.apply("Mul", {across.length, down.length}));

    auto trust = product(across.trust, down.trust);
    trust = product(trust, ramp(net_.apply("Sub", {around, area}), 2, 0.5F));  // nothing else near it
    trust = product(trust, middle_);                                           // and it is one piece
    const auto triangle = product(ramp(covered, 0.40F, 0.46F), ramp(covered, 0.73F, 0.55F));
    const auto circle = product(ramp(covered, 0.55F, 0.73F), ramp(covered, 0.98F, 0.80F));
    const auto square = ramp(covered, 0.80F, 0.98F);
    const auto all =
        net_.add("Concat",
                 {net_.apply("Add", {across.middle, grid(true)}), net_.apply("Add", {down.middle, grid(false)}), across.length,
                  down.length, product(trust, circle), product(trust, square), product(trust, triangle)},
                 {{"axis", std::int64_t{1}}});
    return net_.apply("Reshape", {all, net_.constant(tensor::of<std::int64_t>({3}, {0, 7, places * places}))});
  }

 private:
  /// One axis of what is in each window.
  struct extent {
    value_id length;
    value_id middle;  ///< from the window's middle
    value_id trust;   ///< 0 to 1: in the middle, in one piece, and not too small
  };

  value_id product(value_id a, value_id b) { return net_.apply("Mul", {a, b}); }
  value_id divide(value_id a, value_id b) { return net_.apply("Div", {a, net_.apply("Max", {b, net_.constant(0.5F)})}); }
  /// 0 at `none`, 1 at `whole`, a straight line between.
  value_id ramp(value_id of, float none, float whole) {
    return net_.clip(net_.apply("Mul", {net_.apply("Sub", {of, net_.constant(none)}), net_.constant(1 / (whole - none))}), 0, 1);
  }

  static std::map<std::string, attribute, std::less<>> pool(std::int64_t high, std::int64_t wide) {
    return {{"kernel_shape", integers{high, wide}},
            {"pads", integers{high / 2, wide / 2, high / 2, wide / 2}},
            {"strides", integers{high > 1 ? step : 1, wide > 1 ? step : 1}}};
  }

  /// A weighted sum over a window along one axis, at every second place.
  value_id weigh(value_id of, const std::vector<float>& weights, bool is_across) {
    const auto length = static_cast<std::int64_t>(weights.size());
    const dims shape{1, 1, is_across ? 1 : length, is_across ? length : 1};
    return net_.add("Conv", {of, net_.constant(tensor::of<float>(shape, std::span(weights)))},
                    pool(is_across ? 1 : length, is_across ? length : 1));
  }
  value_id sum(value_id of, std::int64_t window, bool is_across) {
    return weigh(of, std::vector<float>(static_cast<std::size_t>(window), 1), is_across);
  }

  extent measure(value_id covered, std::int64_t window, bool is_across) {
    std::vector<float> places_from_middle, squares;
    for (std::int64_t i = 0; i < window; ++i) {
      const auto from_middle = static_cast<float>(i - window / 2);
      places_from_middle.push_back(from_middle);
      squares.push_back(from_middle * from_middle);
    }
    const auto length = sum(covered, window, is_across);
    const auto middle = divide(weigh(covered, places_from_middle, is_across), length);
    const auto spread = net_.apply("Sub", {divide(weigh(covered, squares, is_across), length), product(middle, middle)});
    // What is in one piece has a variance of a twelfth of its squared length.
    const auto evenness = divide(net_.apply("Mul", {spread, net_.constant(12)}), product(length, length));
    const auto is_middle = ramp(net_.apply("Abs", {middle}), 5, 1);
    return {length, middle, product(product(is_middle, ramp(evenness, 1.2F, 1.1F)), ramp(length, 5, 7))};
  }

  /// 1 where a pixel is unlike the ground, which is what the picture's border is like.
  value_id mask() {
    const auto strip = [this](std::int64_t axis, std::int64_t from) {
      const auto number = [this](std::int64_t one) { return net_.constant(tensor::of<std::int64_t>({1}, {one})); };
      const auto cut = net_.apply("Slice", {net_.picture(), number(from), number(from + 2), number(axis)});
      return net_.add("ReduceMean", {cut}, {{"axes", integers{2, 3}}, {"keepdims", std::int64_t{1}}});
    };
    const auto border = net_.apply(
        "Add", {net_.apply("Add", {strip(2, 0), strip(2, side - 2)}), net_.apply("Add", {strip(3, 0), strip(3, side - 2)})});
    const auto ground = net_.apply("Mul", {border, net_.constant(0.25F)});
    const auto unlike = net_.add("ReduceMax", {net_.apply("Abs", {net_.apply("Sub", {net_.picture(), ground})})},
                                 {{"axes", integers{1}}, {"keepdims", std::int64_t{1}}});
    return ramp(unlike, 0.08F, 0.25F);
  }

  /// How much of the 3 x 3 pixels in the middle of each window are of a shape.
  value_id middle() {
    auto with = pool(3, 3);
    return net_.add("AveragePool", {mask_}, with);
  }

  /// Where the middle of each window is, in pixels.
  value_id grid(bool is_across) {
    std::vector<float> at;
    for (std::int64_t i = 0; i < places; ++i) at.push_back(static_cast<float>(i * step) + 0.5F);
    return net_.constant(tensor::of<float>({1, 1, is_across ? 1 : places, is_across ? places : 1}, std::span<const float>(at)));
  }

  picture_builder& net_;
  value_id mask_, middle_;
};

}  // namespace

graph shapes() {
  picture_builder net("shapes", side);
  shape_finder finder(net);
  std::vector<value_id> found;
  for (const auto window : windows) found.push_back(finder.look(window));
  const auto all = net.add("Concat", found, {{"axis", std::int64_t{2}}});
  return net.finish(all, dims{open_length, 7, static_cast<std::int64_t>(windows.size()) * places * places});
}

}  // namespace troupe::gpu::shipped
