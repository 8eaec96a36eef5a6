#include <cmath>

#include "gpu/operators/checks.hpp"
#include "gpu/operators/reals.hpp"
#include "gpu/operators/window.hpp"

namespace troupe::gpu::detail {

namespace {

enum class mode : std::uint8_t { nearest, linear, cubic };
enum class padding : std::uint8_t { zeros, border, reflection };

struct plan {
  mode how = mode::linear;
  padding outside = padding::zeros;
  bool is_aligned = false;
};

result<plan> plan_of(const node& of) {
  plan made;
  const auto how = of.text("mode", of.opset < 20 ? "bilinear" : "linear");
  if (how == "nearest")
    made.how = mode::nearest;
  else if (how == "bicubic" || how == "cubic")
    made.how = mode::cubic;
  else if (how != "bilinear" && how != "linear")
    return refuse(fmt::format("mode is '{}'", how));
  const auto outside = of.text("padding_mode", "zeros");
  if (outside == "border")
    made.outside = padding::border;
  else if (outside == "reflection")
    made.outside = padding::reflection;
  else if (outside != "zeros")
    return refuse(fmt::format("padding_mode is '{}'", outside));
  made.is_aligned = of.integer("align_corners", 0) != 0;
  return made;
}

result<output_types> infer(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need_floating(inputs, 0, "X"));
  TROUPE_TRY(const auto* const grid, need_floating(inputs, 1, "grid"));
  TROUPE_CHECK(plan_of(of));
  const auto rank = x->shape.size();
  // Cubic samples of n axes take 4^n elements.
  if (rank < 3 || rank > 7 || grid->shape.size() != rank || grid->shape.back() != static_cast<std::int64_t>(rank) - 2
      || grid->shape[0] != x->shape[0])
    return refuse(fmt::format("a grid {} does not fit to an input {}", to_text(grid->shape), to_text(x->shape)));
  if (count_between(x->shape, 2, rank) == 0) return refuse("the input is empty");
  return output_types{{x->type, with_spatial(x->shape[0], x->shape[1], {grid->shape.begin() + 1, grid->shape.end() - 1})}};
}

/// Thrown back at the borders as often as it takes.
double reflected(double place, double first, double last) {
  const auto range = last - first;
  if (!(range > 0)) return first;
  const auto distance = std::fmod(std::abs(place - first), 2 * range);
  return first + (distance <= range ? distance : 2 * range - distance);
}

/// The elements along one axis that a sample is made of.
struct taps {
  std::size_t count = 1;
  std::array<std::int64_t, 4> indices{};  ///< -1: zero
  std::array<double, 4> weights{1};
};

class axis_sampler {
 public:
  axis_sampler(const plan& of, std::int64_t length)
      : plan_(of),
        length_(length),
        first_(of.is_aligned ? 0 : -0.5),
        last_(static_cast<double>(length) + (of.is_aligned ? -1 : -0.5)) {}

  /// @param at from -1 to 1 within the input
  [[nodiscard]] taps sample(double at) const {
    const auto length = static_cast<double>(length_);
    auto place = plan_.is_aligned ? (at + 1) / 2 * (length - 1) : ((at + 1) * length - 1) / 2;
    // Not a number, or so far away that whole numbers end: like far outside.
    if (!(std::abs(place) < 1e15)) place = plan_.outside == padding::zeros ? -10 : 0;
    if (plan_.how == mode::nearest) place = std::nearbyint(place);
    if (plan_.how != mode::cubic && plan_.outside == padding::border) place = std::clamp(place, 0.0, length - 1);
    if (plan_.how != mode::cubic && plan_.outside == padding::reflection) place = reflected(place, first_, last_);
    return taps_at(place);
  }

 private:
  [[nodiscard]] taps taps_at(double place) const {
    taps made;
    if (plan_.how == mode::nearest) {
      made.indices[0] = index_of(std::nearbyint(place));
      return made;
    }
    const auto base = std::floor(place), beyond = place - base;
    made.count = plan_.how == mode::linear ? 2 : 4;
    for (std::size_t k = 0; k < made.count; ++k) {
      const auto offset = static_cast<double>(k) - (plan_.how == mode::linear ? 0 : 1);
      made.indices[k] = index_of(base + offset);
      made.weights[k] = plan_.how == mode::linear ? 1 - std::abs(offset - beyond) : cubic(std::abs(offset - beyond));
    }
    return made;
  }

  static double cubic(double x) {
    constexpr double a = -0.75;  // as ONNX says
    return x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  }

  [[nodiscard]] std::int64_t index_of(double place) const {
    const auto last = static_cast<double>(length_ - 1);
    if (place >= 0 && place <= last) return static_cast<std::int64_t>(place);
    if (plan_.outside == padding::zeros) return -1;
    if (plan_.outside == padding::reflection) place = reflected(place, first_, last_);
    return static_cast<std::int64_t>(std::clamp(place, 0.0, last));
  }

  plan plan_;
  std::int64_t length_;
  double first_;
  double last_;
};

/// Places and weights of all elements that one sample is made of.
struct weighted_elements {
  std::vector<std::int64_t> places;
  std::vector<double> weights;

  void become(const std::vector<taps>& along, const dims& steps) {
    places.assign(1, 0);
    weights.assign(1, 1.0);
    for (std::size_t axis = 0; axis < along.size(); ++axis) {
      const auto before = places.size();
      for (std::size_t k = 1; k < along[axis].count; ++k) {
        for (std::size_t i = 0; i < before; ++i) {
          places.push_back(moved(places[i], along[axis].indices[k], steps[axis]));
          weights.push_back(weights[i] * along[axis].weights[k]);
        }
      }
      for (std::size_t i = 0; i < before; ++i) {
        places[i] = moved(places[i], along[axis].indices[0], steps[axis]);
        weights[i] *= along[axis].weights[0];
      }
    }
  }

 private:
  static std::int64_t moved(std::int64_t place, std::int64_t index, std::int64_t step) {
    return place < 0 || index < 0 ? -1 : place + index * step;
  }
};

result<std::vector<tensor>> compute(const node& of, tensor_inputs inputs) {
  const auto x = widened(*inputs[0]);
  const auto& grid = *inputs[1];
  TROUPE_TRY(const auto made, plan_of(of));
  const auto lengths = spatial_of(x.shape()), steps = strides_of(lengths);
  const auto rank = lengths.size();
  const auto channels = x.shape()[1], plane = count_of(lengths);
  tensor y(x.type(), with_spatial(x.shape()[0], channels, {grid.shape().begin() + 1, grid.shape().end() - 1}));
  const auto samples = count_between(y.shape(), 2, y.shape().size());
  std::vector<axis_sampler> samplers;
  for (const auto length : lengths) samplers.emplace_back(made, length);
  std::vector<taps> along(rank);
  weighted_elements elements;
  for (std::int64_t i = 0; i < x.shape()[0] * samples; ++i) {
    // The grid names the last axis first.
    for (std::size_t axis = 0; axis < rank; ++axis) {
      const auto from_end = static_cast<std::int64_t>(rank - 1 - axis);
      along[axis] = samplers[axis].sample(grid.number(i * static_cast<std::int64_t>(rank) + from_end));
    }
    elements.become(along, steps);
    with_real(x.type(), [&](auto tag) {
      using real = typename decltype(tag)::type;
      for (std::int64_t channel = 0; channel < channels; ++channel) {
        const auto at = i / samples * channels + channel;
        double sum = 0;
        for (std::size_t k = 0; k < elements.places.size(); ++k)
          if (elements.places[k] >= 0)
            sum += elements.weights[k] * static_cast<double>(x.as<real>()[at * plane + elements.places[k]]);
        y.as<real>()[at * samples + i % samples] = static_cast<real>(sum);
      }
    });
  }
  return std::vector<tensor>{narrowed(std::move(y), inputs[0]->type())};
}

}  // namespace

void add_grid_sample(operator_table& to) { to.add({.name = "GridSample", .first = 16, .infer = infer, .compute = compute}); }

}  // namespace troupe::gpu::detail
