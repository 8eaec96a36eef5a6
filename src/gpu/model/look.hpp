#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "gpu/graph.hpp"

namespace troupe::gpu {

/// What can be said of a network without running it.
struct network_facts {
  std::size_t nodes = 0;
  std::int64_t parameters = 0;  ///< elements of constants of floating types
  /// Of the outputs; nothing where a shape depends on what goes in.
  std::vector<std::optional<tensor_type>> outputs;
  std::size_t largest_step = 0;  ///< bytes of what goes into one node and comes out, constants apart: the most of all
  double flop = 0;  ///< of convolutions and matrix products: two for each multiplication and addition; as far as shapes are known
};

/// Follows the shapes through the network.
/// @param inputs one for each of the network's
/// @returns `bad_request` with the node where operators, types or shapes do not go together, or are not supported.
[[nodiscard]] result<network_facts> look_at(const graph& network, std::span<const tensor_type> inputs);

}  // namespace troupe::gpu
