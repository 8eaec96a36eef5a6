#pragma once

#include "actors/internal.hpp"
#include "actors/roll.hpp"
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
  std::function<void(error)> on_fatal;             ///< a programming error: the process has to end
  std::function<model::slot_kind()> kind;          ///< what it is for now
  std::string device;                              ///< that its workers run on; empty: the processors
  std::shared_ptr<actor_roll::entry> stands = {};  ///< on the roll, as its worker does; `spawn_slot` enters both
  std::shared_ptr<actor_roll::entry> worker = {};
};

/// Starts one slot; its worker process follows at once.
[[nodiscard]] slot_actor spawn_slot(caf::actor_system& system, actor_roll& roll, slot_parts parts);

}  // namespace troupe::actors
