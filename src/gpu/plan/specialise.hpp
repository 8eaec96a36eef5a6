#pragma once

#include <optional>
#include <span>

#include "gpu/graph.hpp"

namespace troupe::gpu {

/// A network for inputs of known types. What follows from constants and shapes alone has been computed, what nobody reads is
/// gone.
struct specialised {
  graph network;
  /// Of each value; absent where it depends on elements of the inputs.
  std::vector<std::optional<tensor_type>> types;
};

/// Inputs may have other shapes than the file declares, as long as every operator can take them: a network of convolutions that
/// was exported for one size of pictures is right for others.
/// @returns `bad_request` if the network is not possible with these inputs; names the node.
[[nodiscard]] result<specialised> specialise(const graph& network, std::span<const tensor_type> inputs);

/// How many times each value is read: by nodes, and as an output of the network.
[[nodiscard]] std::vector<int> readers_of(const graph& network);

/// Removes nodes whose outputs nobody reads.
void drop_unread(graph& network);

}  // namespace troupe::gpu
