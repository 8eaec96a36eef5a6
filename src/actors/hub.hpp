#pragma once

#include "actors/internal.hpp"

namespace troupe::actors {

/// Starts the hub.
[[nodiscard]] hub_inner_actor spawn_hub(caf::actor_system& system);

}  // namespace troupe::actors
