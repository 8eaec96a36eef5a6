#pragma once

#include "actors/internal.hpp"
#include "actors/roll.hpp"
#include "base/clock.hpp"
#include "model/slot_router.hpp"

#include <memory>
#include <vector>

namespace troupe::actors {

/// Starts the desk of a node's slots, and has all shards inform it.
/// @param shards  all of them, by their numbers
[[nodiscard]] desk_actor spawn_desk(caf::actor_system& system, actor_roll& roll, const model::slot_router_options& options,
                                    const std::vector<slot_class>& classes, const std::vector<shard_actor>& shards,
                                    std::shared_ptr<const steady_wall_clock> clock);

}  // namespace troupe::actors
