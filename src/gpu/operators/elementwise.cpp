#include <cmath>

#include "gpu/operators/unary.hpp"

namespace troupe::gpu::detail {

namespace {

/// The size of a number; of the least whole number it is that number again, as in two's complement.
constexpr auto magnitude = [](auto x) {
  if constexpr (std::is_same_v<decltype(x), double>)
    return std::abs(x);
  else
    return x < 0 ? 0 - wrapped(x) : wrapped(x);
};
constexpr auto negated = [](auto x) {
  if constexpr (std::is_same_v<decltype(x), double>)
    return -x;
  else
    return 0 - wrapped(x);
};
constexpr auto sign_of = [](auto x) {
  if constexpr (std::is_same_v<decltype(x), double>) {
    if (std::isnan(x)) return x;
  }
  return static_cast<decltype(x)>(static_cast<int>(x > 0) - static_cast<int>(x < 0));
};

result<std::vector<tensor>> compute_is_nan(const node&, tensor_inputs inputs) {
  return map<floating_types, bool>(*inputs[0], [](double x) { return std::isnan(x); });
}

result<std::vector<tensor>> compute_is_infinite(const node& of, tensor_inputs inputs) {
  const bool below = of.integer("detect_negative", 1) != 0;
  const bool above = of.integer("detect_positive", 1) != 0;
  return map<floating_types, bool>(*inputs[0], [=](double x) { return std::isinf(x) && (x < 0 ? below : above); });
}

void add_trigonometry(operator_table& to) {
  to.add(unary<floating_types, [](double x) { return std::sin(x); }>("Sin", 7));
  to.add(unary<floating_types, [](double x) { return std::cos(x); }>("Cos", 7));
  to.add(unary<floating_types, [](double x) { return std::tan(x); }>("Tan", 7));
  to.add(unary<floating_types, [](double x) { return std::asin(x); }>("Asin", 7));
  to.add(unary<floating_types, [](double x) { return std::acos(x); }>("Acos", 7));
  to.add(unary<floating_types, [](double x) { return std::atan(x); }>("Atan", 7));
  to.add(unary<floating_types, [](double x) { return std::sinh(x); }>("Sinh", 9));
  to.add(unary<floating_types, [](double x) { return std::cosh(x); }>("Cosh", 9));
  to.add(unary<floating_types, [](double x) { return std::tanh(x); }>("Tanh"));
  to.add(unary<floating_types, [](double x) { return std::asinh(x); }>("Asinh", 9));
  to.add(unary<floating_types, [](double x) { return std::acosh(x); }>("Acosh", 9));
  to.add(unary<floating_types, [](double x) { return std::atanh(x); }>("Atanh", 9));
}

}  // namespace

void add_elementwise(operator_table& to) {
  to.add(unary<number_types, magnitude>("Abs"));
  to.add(unary<signed_types, negated>("Neg"));
  to.add(unary<number_types, sign_of>("Sign", 9));
  to.add(unary<floating_types, [](double x) { return std::floor(x); }>("Floor"));
  to.add(unary<floating_types, [](double x) { return std::ceil(x); }>("Ceil"));
  to.add(unary<floating_types, [](double x) { return std::nearbyint(x); }>("Round", 11));  // halves to even
  to.add(unary<floating_types, [](double x) { return std::sqrt(x); }>("Sqrt"));
  to.add(unary<floating_types, [](double x) { return std::exp(x); }>("Exp"));
  to.add(unary<floating_types, [](double x) { return std::log(x); }>("Log"));
  to.add(unary<floating_types, [](double x) { return std::erf(x); }>("Erf", 9));
  to.add(unary<floating_types, [](double x) { return 1 / x; }>("Reciprocal"));
  add_trigonometry(to);
  to.add(unary<boolean_type, [](auto x) { return x == 0; }>("Not"));
  to.add(unary<whole_types, [](auto x) { return ~x; }>("BitwiseNot", 18));
  to.add({.name = "IsNaN", .first = 9, .infer = infer_boolean<floating_types>, .compute = compute_is_nan});
  to.add({.name = "IsInf", .first = 10, .infer = infer_boolean<floating_types>, .compute = compute_is_infinite});
}

}  // namespace troupe::gpu::detail
