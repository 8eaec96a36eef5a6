#pragma once

#include "actors/internal.hpp"
#include "base/clock.hpp"

#include <functional>
#include <memory>

namespace troupe::actors {

struct slot_parts {
  model::slot_options options;
  std::shared_ptr<const steady_wall_clock> clock;
  model::ports::slot_host* host = nullptr;  ///< outlives the actor
  slots_ear shard;                          ///< or the desk before several
  node_inner_actor node;
  std::function<void(error)> on_fatal;  ///< a programming error: the process has to end
};

/// Starts one slot; its worker process follows at once.
[[nodiscard]] slot_actor spawn_slot(caf::actor_system& system, slot_parts parts);

}  // namespace troupe::actors
