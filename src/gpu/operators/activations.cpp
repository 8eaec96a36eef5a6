#include <algorithm>
#include <cmath>
#include <numbers>

#include "gpu/operators/unary.hpp"

/// Functions of one element, most with attributes; these stand in the function objects' members.
namespace troupe::gpu::detail {

namespace {

double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

constexpr auto relu = [](auto x) { return x < 0 ? decltype(x){0} : x; };

struct leaky_relu {
  double alpha;
  explicit leaky_relu(const node& of) : alpha(of.number("alpha", 0.01f)) {}
  double operator()(double x) const { return x < 0 ? alpha * x : x; }
};

struct thresholded_relu {
  double alpha;
  explicit thresholded_relu(const node& of) : alpha(of.number("alpha", 1)) {}
  double operator()(double x) const { return x > alpha || std::isnan(x) ? x : 0; }
};

struct elu {
  double alpha;
  explicit elu(const node& of) : alpha(of.number("alpha", 1)) {}
  double operator()(double x) const { return x < 0 ? alpha * std::expm1(x) : x; }
};

struct selu {
  double alpha, gamma;
  explicit selu(const node& of)
      : alpha(of.number("alpha", of.opset < 6 ? 1.6732f : 1.67326319217681884765625f)),
        gamma(of.number("gamma", of.opset < 6 ? 1.0507f : 1.05070102214813232421875f)) {}
  double operator()(double x) const { return gamma * (x < 0 ? alpha * std::expm1(x) : x); }
};

struct celu {
  double alpha;
  explicit celu(const node& of) : alpha(of.number("alpha", 1)) {}
  double operator()(double x) const {
    return std::isnan(x) ? x : std::max(x, 0.0) + std::min(0.0, alpha * std::expm1(x / alpha));
  }
};

struct gelu {
  bool is_approximate;
  explicit gelu(const node& of) : is_approximate(of.text("approximate", "none") == "tanh") {}
  double operator()(double x) const {
    if (!is_approximate) return 0.5 * x * (1 + std::erf(x / std::numbers::sqrt2));
    return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
  }
};

double clamped(double x) { return std::isnan(x) ? x : std::clamp(x, 0.0, 1.0); }

struct hard_sigmoid {
  double alpha, beta;
  explicit hard_sigmoid(const node& of) : alpha(of.number("alpha", 0.2f)), beta(of.number("beta", 0.5f)) {}
  double operator()(double x) const { return clamped(alpha * x + beta); }
};

struct shrink {
  double bias, threshold;
  explicit shrink(const node& of) : bias(of.number("bias", 0)), threshold(of.number("lambd", 0.5f)) {}
  double operator()(double x) const {
    if (std::isnan(x)) return x;
    return x < -threshold ? x + bias : x > threshold ? x - bias : 0;
  }
};

template <class Function>
result<std::vector<tensor>> compute_with(const node& of, tensor_inputs inputs) {
  return map<floating_types>(*inputs[0], Function(of));
}

template <class Function>
operator_kind activation(std::string_view name, int first = 1) {
  return {.name = name, .first = first, .infer = infer_same<floating_types>, .compute = compute_with<Function>};
}

result<output_types> infer_gelu(const node& of, known_inputs inputs) {
  const auto way = of.text("approximate", "none");
  if (way != "none" && way != "tanh") return refuse(fmt::format("approximate is '{}'; it has to be none or tanh", way));
  return infer_same<floating_types>(of, inputs);
}

result<output_types> infer_celu(const node& of, known_inputs inputs) {
  if (of.number("alpha", 1) == 0) return refuse("alpha is 0");
  return infer_same<floating_types>(of, inputs);
}

// -- Clip -----------------------------------------------------------------------------------------------------------------

/// The bounds were attributes before opset 11 and are inputs from it on.
constexpr int clip_inputs_since = 11;

result<output_types> infer_clip(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 1, of.opset < clip_inputs_since ? 1 : 3));
  TROUPE_CHECK(expect_type(inputs, 0, of.opset < clip_inputs_since ? floating_types : number_types));
  for (const std::size_t bound : {1, 2}) {
    TROUPE_CHECK(expect_same_type(inputs, bound, 0));
    TROUPE_CHECK(expect_scalar(inputs, bound));
  }
  return output_types{inputs[0]->type};
}

/// The bound that input `at` gives, or the fallback.
template <class T>
wide<T> bound_of(tensor_inputs inputs, std::size_t at, wide<T> fallback) {
  const auto* const bound = input_or_null(inputs, at);
  return bound ? widened(*bound->as<T>()) : fallback;
}

result<std::vector<tensor>> compute_clip(const node& of, tensor_inputs inputs) {
  const auto& x = *inputs[0];
  tensor y(x.full_type());
  with_one_of<number_types>(x.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    using number = wide<element>;
    using limits = std::numeric_limits<number>;
    auto low = bound_of<element>(inputs, 1, limits::has_infinity ? -limits::infinity() : limits::lowest());
    auto high = bound_of<element>(inputs, 2, limits::has_infinity ? limits::infinity() : limits::max());
    if constexpr (is_floating_element<element>) {
      if (of.opset < clip_inputs_since) {
        low = of.number("min", std::numeric_limits<float>::lowest());
        high = of.number("max", std::numeric_limits<float>::max());
      }
    }
    for (std::int64_t i = 0; i < x.count(); ++i) {
      auto value = widened(x.as<element>()[i]);
      value = value < low ? low : value;
      y.as<element>()[i] = convert<element>(value > high ? high : value);
    }
  });
  return only(std::move(y));
}

}  // namespace

void add_activations(operator_table& to) {
  to.add(unary<signed_types, relu>("Relu"));
  to.add(unary<floating_types, sigmoid>("Sigmoid"));
  to.add(unary<floating_types, softplus>("Softplus"));
  to.add(unary<floating_types, [](double x) { return x / (1 + std::abs(x)); }>("Softsign"));
  to.add(unary<floating_types, [](double x) { return x * std::tanh(softplus(x)); }>("Mish", 18));
  to.add(unary<floating_types, [](double x) { return x * clamped(x / 6 + 0.5); }>("HardSwish", 14));
  to.add(activation<leaky_relu>("LeakyRelu"));
  to.add(activation<thresholded_relu>("ThresholdedRelu", 10));
  to.add(activation<elu>("Elu"));
  to.add(activation<selu>("Selu"));
  to.add({.name = "Celu", .first = 12, .infer = infer_celu, .compute = compute_with<celu>});
  to.add({.name = "Gelu", .first = 20, .infer = infer_gelu, .compute = compute_with<gelu>});
  to.add(activation<hard_sigmoid>("HardSigmoid"));
  to.add({.name = "Shrink", .first = 9, .infer = infer_same<number_types>, .compute = [](const node& of, tensor_inputs inputs) {
            return result<std::vector<tensor>>(map<number_types>(*inputs[0], shrink(of)));
          }});
  to.add({.name = "Clip", .infer = infer_clip, .compute = compute_clip});
}

}  // namespace troupe::gpu::detail
