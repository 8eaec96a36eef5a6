#pragma once

#include "gpu/plan/specialise.hpp"

namespace troupe::gpu {

/// A function of one number that can follow another operator at once.
enum class activation : std::uint8_t {
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
  linear
};

/// What happens to each element of a step's result before it is stored.
struct post_op {
  enum class kind : std::uint8_t { activation, add, multiply };
  kind what = kind::activation;
  activation function = activation::relu;
  /// relu: slope below 0. elu: alpha. clip: least, most. swish: x * sigmoid(alpha x). linear: alpha x + beta.
  float alpha = 0;
  float beta = 0;
  /// For add and multiply: a tensor of the result's shape, or one that is broadcast into it.
  value_id operand = no_value;
};

/// One operator and what has been fused into it.
struct step {
  node what;
  std::vector<post_op> after;
  /// What the last of them makes; `what.outputs[0]` if nothing was fused.
  value_id output = no_value;
};

/// Whether a node's first output is there, and of known type with single precision: what can be fused.
[[nodiscard]] bool makes_floats(const node& of, const specialised& in) noexcept;

/// How an operator of one input is such a function; empty if it is none. Two for HardSigmoid: linear, then clip.
[[nodiscard]] std::vector<post_op> as_activation(const node& of, const specialised& in);

/// Steps in order. Into convolutions and matrix products go: batch normalisation and constant factors and offsets per channel
/// (into the weights), additions of another tensor, activations. SiLU, HardSwish, GELU and Mish are recognised where a file
/// spells them out. The results are the same but for rounding.
[[nodiscard]] std::vector<step> fuse(specialised& network);

/// Replaces what spells out SiLU ("troupe.Swish"), HardSwish, GELU and Mish by one node.
void recognise_activations(specialised& network);

/// Moves BatchNormalization, and Mul and Add with constants per channel, into the weights and bias of the convolution before.
void fold_into_weights(specialised& network);

}  // namespace troupe::gpu
