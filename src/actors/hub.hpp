#pragma once

#include "actors/internal.hpp"
#include "actors/roll.hpp"

#include <atomic>
#include <memory>

namespace troupe::actors {

/// Whether anybody listens to live events; without listeners nothing need be published. Set before a subscription is answered, so
/// whoever subscribes first and then reads the journal misses nothing. Written by the hub, read by any thread.
using audience = std::shared_ptr<std::atomic<bool>>;

/// Starts the hub, which keeps `listened` true while it has listeners (and a while longer).
[[nodiscard]] hub_inner_actor spawn_hub(caf::actor_system& system, actor_roll& roll, audience listened);

}  // namespace troupe::actors
