#pragma once

#include "actors/internal.hpp"
#include "actors/roll.hpp"
#include "model/shard_map.hpp"

#include <vector>

namespace troupe::actors {

/// Makes several shards one for whoever asks for jobs: what is of one job goes to the shard that has it, lists are merged.
/// @param shards  all of them, by their numbers
[[nodiscard]] jobs_actor spawn_front(caf::actor_system& system, actor_roll& roll, std::vector<shard_actor> shards);

}  // namespace troupe::actors
