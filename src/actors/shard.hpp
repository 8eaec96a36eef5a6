#pragma once

#include "actors/hub.hpp"
#include "actors/internal.hpp"
#include "actors/job_ends.hpp"
#include "actors/journal_thread.hpp"
#include "actors/link_roll.hpp"
#include "actors/roll.hpp"
#include "actors/snapshots.hpp"
#include "base/clock.hpp"
#include "model/ports/transport.hpp"

#include <functional>
#include <memory>

namespace troupe::actors {

struct shard_parts {
  std::shared_ptr<replica::machine> machine;
  std::shared_ptr<const steady_wall_clock> clock;
  journal_thread* journal;         ///< outlives the actor
  model::ports::transport* peers;  ///< outlives the actor; null: there are none
  hub_inner_actor hub;
  audience listened;                    ///< without one, nothing is sent to the hub
  std::function<void(error)> on_fatal;  ///< the replica cannot go on: the process has to end
  snapshot_fetcher* snapshots;          ///< outlives the actor; null: there are no peers
  replica::shard_no shard;
  model::shard_map shards = {};                    ///< of the cluster
  model::node_id node = {};                        ///< this one
  job_ends* ends = nullptr;                        ///< outlives the actor; null: nobody wants to know
  link_roll* links = nullptr;                      ///< where there are peers; outlives the shard
  std::shared_ptr<actor_roll::entry> stands = {};  ///< on the roll; `spawn_shard` enters it
};

/// Starts the actor of one replica.
[[nodiscard]] shard_actor spawn_shard(caf::actor_system& system, actor_roll& roll, shard_parts parts);

}  // namespace troupe::actors
