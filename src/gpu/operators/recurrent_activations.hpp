#pragma once

#include "gpu/operators/families.hpp"

/// The functions that recurrent operators name by texts.
namespace troupe::gpu::detail {

struct activation {
  double (*function)(double x, double alpha, double beta) = nullptr;
  double alpha = 0;
  double beta = 0;
  [[nodiscard]] double operator()(double x) const { return function(x, alpha, beta); }
};

/// As the attributes activations, activation_alpha and activation_beta say.
/// @param names those of one direction if the node names none
[[nodiscard]] result<std::vector<activation>> activations_of(const node& of, std::span<const std::string_view> names,
                                                             std::size_t directions);

}  // namespace troupe::gpu::detail
