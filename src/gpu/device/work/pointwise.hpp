#pragma once

#include <math.h>

#include "gpu/device/work/elements.hpp"

/// A chain of functions of one element, with operands that are broadcast.
namespace troupe::gpu::device {

enum class pointwise_op : std::uint8_t {
  // of x alone; alpha and beta as `post_op` has them
  relu,
  elu,
  tanh,
  logistic,
  clip,
  hard_swish,
  gelu_erf,
  gelu_tanh,
  swish,
  mish,
  soft_relu,
  linear,
  absolute,
  negate,
  sign,
  floor,
  ceil,
  round,
  square_root,
  exponential,
  logarithm,
  erf,
  reciprocal,
  sine,
  cosine,
  soft_sign,
  selu,
  thresholded_relu,
  is_nan,
  invert,
  // of x and an operand
  add,
  subtract,
  subtract_from,
  multiply,
  divide,
  divide_into,
  power,
  least,
  most,
  slope,
  equal,
  less,
  less_or_equal,
  greater,
  greater_or_equal,
  both,
  either,
  one_of,
  choose  ///< x where the operand is true, else the other one
};

constexpr int chain_most = 20;
constexpr int operands_most = 8;

struct pointwise_step {
  pointwise_op op = pointwise_op::linear;
  std::int8_t operand = -1;  ///< which one, for functions of two
  std::int8_t other = -1;    ///< for `choose`
  float alpha = 0, beta = 0;
};

[[nodiscard]] TROUPE_DEVICE inline float logistic_of(float x) { return 1.0f / (1.0f + expf(-x)); }
[[nodiscard]] TROUPE_DEVICE inline float soft_plus_of(float x) { return fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x))); }
/// nan stays.
[[nodiscard]] TROUPE_DEVICE inline float clipped(float x, float least, float most) {
  x = x < least ? least : x;
  return x > most ? most : x;
}

[[nodiscard]] TROUPE_DEVICE inline float activated(pointwise_op op, float x, float alpha, float beta) {
  switch (op) {
    case pointwise_op::relu: return x < 0 ? (alpha == 0 ? 0.0f : alpha * x) : x;
    case pointwise_op::elu: return x < 0 ? alpha * expm1f(x) : x;
    case pointwise_op::tanh: return tanhf(x);
    case pointwise_op::logistic: return logistic_of(x);
    case pointwise_op::clip: return clipped(x, alpha, beta);
    case pointwise_op::hard_swish: return x * clipped(x / 6.0f + 0.5f, 0.0f, 1.0f);
    case pointwise_op::gelu_erf: return 0.5f * x * (1.0f + erff(x * 0.70710678f));
    case pointwise_op::gelu_tanh: return 0.5f * x * (1.0f + tanhf(0.79788456f * (x + 0.044715f * x * x * x)));
    case pointwise_op::swish: return x * logistic_of(alpha * x);
    case pointwise_op::mish: return x * tanhf(soft_plus_of(x));
    case pointwise_op::soft_relu: return soft_plus_of(x);
    case pointwise_op::linear: return alpha * x + beta;
    case pointwise_op::soft_sign: return x / (1.0f + fabsf(x));
    case pointwise_op::selu: return beta * (x < 0 ? alpha * expm1f(x) : x);
    case pointwise_op::thresholded_relu: return x > alpha || x != x ? x : 0.0f;
    default: return x;
  }
}

[[nodiscard]] TROUPE_DEVICE inline float computed(pointwise_op op, float x) {
  switch (op) {
    case pointwise_op::absolute: return fabsf(x);
    case pointwise_op::negate: return -x;
    case pointwise_op::sign: return x != x ? x : static_cast<float>(static_cast<int>(x > 0) - static_cast<int>(x < 0));
    case pointwise_op::floor: return floorf(x);
    case pointwise_op::ceil: return ceilf(x);
    case pointwise_op::round: return rintf(x);  // halves to even
    case pointwise_op::square_root: return sqrtf(x);
    case pointwise_op::exponential: return expf(x);
    case pointwise_op::logarithm: return logf(x);
    case pointwise_op::erf: return erff(x);
    case pointwise_op::reciprocal: return 1.0f / x;
    case pointwise_op::sine: return sinf(x);
    case pointwise_op::cosine: return cosf(x);
    case pointwise_op::is_nan: return x != x ? 1.0f : 0.0f;
    case pointwise_op::invert: return x == 0 ? 1.0f : 0.0f;
    default: return x;
  }
}

[[nodiscard]] TROUPE_DEVICE inline float combined(pointwise_op op, float x, float y) {
  switch (op) {
    case pointwise_op::add: return x + y;
    case pointwise_op::subtract: return x - y;
    case pointwise_op::subtract_from: return y - x;
    case pointwise_op::multiply: return x * y;
    case pointwise_op::divide: return x / y;
    case pointwise_op::divide_into: return y / x;
    case pointwise_op::power: return powf(x, y);
    case pointwise_op::least: return y < x || y != y ? y : x;
    case pointwise_op::most: return y > x || y != y ? y : x;
    case pointwise_op::slope: return x < 0 ? x * y : x;
    case pointwise_op::equal: return x == y ? 1.0f : 0.0f;
    case pointwise_op::less: return x < y ? 1.0f : 0.0f;
    case pointwise_op::less_or_equal: return x <= y ? 1.0f : 0.0f;
    case pointwise_op::greater: return x > y ? 1.0f : 0.0f;
    case pointwise_op::greater_or_equal: return x >= y ? 1.0f : 0.0f;
    case pointwise_op::both: return x != 0 && y != 0 ? 1.0f : 0.0f;
    case pointwise_op::either: return x != 0 || y != 0 ? 1.0f : 0.0f;
    case pointwise_op::one_of: return (x != 0) != (y != 0) ? 1.0f : 0.0f;
    default: return x;
  }
}

/// y = the chain of x = operand 0. The result may lie where operand 0 does.
struct pointwise_work {
  struct operand {
    const void* from = nullptr;
    element type = element::f32;
    steps by{};
  };
  operand operands[operands_most] = {};
  void* to = nullptr;
  element makes = element::f32;
  pointwise_step chain[chain_most] = {};
  int chain_length = 0;
  axes over{};
  steps target{};

  [[nodiscard]] TROUPE_DEVICE std::int64_t count() const { return places_in(over); }
  TROUPE_DEVICE void operator()(std::int64_t i) const {
    float x = value(0, i);
    for (int k = 0; k < chain_length; ++k) {
      const pointwise_step& one = chain[k];
      if (one.op == pointwise_op::choose)
        x = value(one.operand, i) != 0 ? x : value(one.other, i);
      else if (one.operand >= 0)
        x = combined(one.op, x, value(one.operand, i));
      else
        x = computed(one.op, activated(one.op, x, one.alpha, one.beta));
    }
    store(makes, to, place_of(i, over, target), x);
  }

 private:
  [[nodiscard]] TROUPE_DEVICE float value(int which, std::int64_t i) const {
    return loaded(operands[which].type, operands[which].from, place_of(i, over, operands[which].by));
  }
};

}  // namespace troupe::gpu::device
