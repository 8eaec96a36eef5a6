#include "gpu/operators/recurrent_activations.hpp"

#include <fmt/format.h>

#include <cctype>
#include <cmath>

namespace troupe::gpu::detail {

namespace {

struct known_activation {
  std::string_view name;
  double (*function)(double, double, double);
  /// Where the file gives none; nothing: the function has no such number.
  std::optional<double> alpha = std::nullopt;
  std::optional<double> beta = std::nullopt;
};

// Functions and numbers as ONNX's RNN has them.
constexpr std::array<known_activation, 11> known{{
    {"relu", [](double x, double, double) { return x > 0 ? x : 0; }},
    {"tanh", [](double x, double, double) { return std::tanh(x); }},
    {"sigmoid", [](double x, double, double) { return 1 / (1 + std::exp(-x)); }},
    {"affine", [](double x, double a, double b) { return a * x + b; }, 1.0, 0.0},
    {"leakyrelu", [](double x, double a, double) { return x < 0 ? a * x : x; }, 0.01},
    {"thresholdedrelu", [](double x, double a, double) { return x >= a ? x : 0; }, 1.0},
    {"scaledtanh", [](double x, double a, double b) { return a * std::tanh(b * x); }, 1.0, 1.0},
    {"hardsigmoid", [](double x, double a, double b) { return std::min(std::max(a * x + b, 0.0), 1.0); }, 0.2, 0.5},
    {"elu", [](double x, double a, double) { return x < 0 ? a * std::expm1(x) : x; }, 1.0},
    {"softsign", [](double x, double, double) { return x / (1 + std::abs(x)); }},
    {"softplus", [](double x, double, double) { return std::log1p(std::exp(-std::abs(x))) + std::max(x, 0.0); }},
}};

/// The next of the numbers that the file gives, for functions that have one.
double take(std::span<const float>& given, std::optional<double> fallback) {
  if (!fallback || given.empty()) return fallback.value_or(0);
  const auto first = static_cast<double>(given.front());
  given = given.subspan(1);
  return first;
}

std::vector<std::string> texts(const node& of) {
  const auto found = of.attributes.find("activations");
  const auto* const given = found == of.attributes.end() ? nullptr : std::get_if<std::vector<std::string>>(&found->second);
  return given ? *given : std::vector<std::string>{};
}

}  // namespace

result<std::vector<activation>> activations_of(const node& of, std::span<const std::string_view> names, std::size_t directions) {
  auto wanted = texts(of);
  const bool has_none = wanted.empty();
  for (std::size_t i = 0; has_none && i < names.size() * directions; ++i) wanted.emplace_back(names[i % names.size()]);
  if (wanted.size() != names.size() * directions)
    return refuse(fmt::format("there are {} activations instead of {}", wanted.size(), names.size() * directions));
  const auto alphas = of.numbers("activation_alpha"), betas = of.numbers("activation_beta");
  std::span<const float> alpha{alphas}, beta{betas};
  std::vector<activation> made;
  for (auto& name : wanted) {
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto* const one = std::ranges::find(known, std::string_view{name}, &known_activation::name);
    if (one == known.end()) return refuse(fmt::format("there is no activation '{}'", name));
    made.push_back({.function = one->function, .alpha = take(alpha, one->alpha), .beta = take(beta, one->beta)});
  }
  return made;
}

}  // namespace troupe::gpu::detail
