#pragma once

#include "actors/actors.hpp"
#include "actors/roll.hpp"
#include "base/clock.hpp"
#include "model/ports/transport.hpp"
#include "model/slot.hpp"
#include "model/table/commands.hpp"
#include "persistence/replica/replica.hpp"

#include <caf/actor_system.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace troupe::actors {

class inlet;
class job_ends;
class snapshot_fetcher;

struct node_options {
  model::node_id id;
  model::incarnation boot;
  std::uint16_t slots = 1;
  std::vector<std::string> labels;  ///< sorted; what the slots of this node have
  std::uint32_t threads_per_slot = 1;
  bytes memory{};  ///< that the slots share
  struct device_slot {
    std::string device;  ///< its UUID
    bytes memory;        ///< of it, that its slots share
  };
  std::vector<device_slot> device_slots;             ///< behind the others
  std::function<model::slot_kind()> processor_kind;  ///< what the others are for, as of now; null: any. Any thread
  replica::options replica;
  duration report_every = 1s;
  duration worker_start_timeout = 10s;
  bool counts_messages = true;               ///< of each actor, for those who look at them
  model::ports::transport* peers = nullptr;  ///< the way to other nodes; outlives the node
  inlet* from_peers = nullptr;               ///< where they are heard; outlives the node
  snapshot_fetcher* snapshots = nullptr;     ///< of other nodes; outlives the node
  job_ends* ends = nullptr;                  ///< where the ends of jobs are counted; outlives the node
};

/// All actors of one node. Built by the command line, which owns what they stand on.
class node {
 public:
  /// @param on_fatal  called from any thread when the node must not go on (disk failure, damaged state)
  [[nodiscard]] static result<std::unique_ptr<node>> start(caf::actor_system& system, node_options options,
                                                           replica::storage& storage, model::ports::slot_host& host,
                                                           std::function<void(error)> on_fatal);
  virtual ~node() = default;
  [[nodiscard]] virtual const handles& public_handles() const = 0;
  /// Its actors, and what is counted of them.
  [[nodiscard]] virtual actor_roll& roll() = 0;
  /// Slots finish what they run until the deadline, then hand it back; returns when all workers are gone and the journal is
  /// idle, at the latest four seconds after the deadline.
  virtual void stop(timestamp deadline) = 0;
};

/// Registers the message types with CAF. Before the first `actor_system_config`.
void register_messages();

}  // namespace troupe::actors
