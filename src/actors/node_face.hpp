#pragma once

#include "actors/internal.hpp"
#include "actors/node.hpp"
#include "actors/roll.hpp"

#include <functional>
#include <vector>

namespace troupe::actors {

/// Starts the actor that knows the slots and answers for the node.
/// @param shards          all of them, by their numbers
/// @param on_slot_stopped called by the actor's thread, once a slot
[[nodiscard]] node_inner_actor spawn_node_face(caf::actor_system& system, actor_roll& roll, const node_options& options,
                                               std::vector<shard_actor> shards, std::function<void()> on_slot_stopped);

}  // namespace troupe::actors
