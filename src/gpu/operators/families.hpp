#pragma once

#include "gpu/operators.hpp"

/// One function a family of operators, each in a file of its own.
namespace troupe::gpu::detail {

void add_elementwise(operator_table& to);
void add_activations(operator_table& to);
void add_passing(operator_table& to);
void add_casts(operator_table& to);
void add_binary(operator_table& to);
void add_variadic(operator_table& to);
void add_comparisons(operator_table& to);
void add_logic(operator_table& to);
void add_shapes(operator_table& to);
void add_movement(operator_table& to);
void add_slices(operator_table& to);
void add_joins(operator_table& to);
void add_pads(operator_table& to);
void add_gather(operator_table& to);
void add_scatter(operator_table& to);
void add_constants(operator_table& to);
void add_selection(operator_table& to);
void add_convolutions(operator_table& to);
void add_pools(operator_table& to);
void add_normalisations(operator_table& to);
void add_matrices(operator_table& to);
void add_softmax(operator_table& to);
void add_resizes(operator_table& to);
void add_reductions(operator_table& to);
void add_selections(operator_table& to);
void add_einsum(operator_table& to);
void add_quantisations(operator_table& to);
void add_integer_convolutions(operator_table& to);
void add_suppression(operator_table& to);
void add_regions(operator_table& to);
void add_grid_sample(operator_table& to);
void add_losses(operator_table& to);
void add_recurrent(operator_table& to);
void add_signals(operator_table& to);

/// An input is wrong or not supported; the caller adds which node.
[[nodiscard]] error refuse(std::string why);

}  // namespace troupe::gpu::detail
