#pragma once

#include "model/slot.hpp"
#include "persistence/raft/message.hpp"
#include "persistence/replica/storage.hpp"

#include <cstdint>
#include <string>
#include <variant>

// What the replicas of a shard say to each other. Any of it may be lost, doubled, late and overtaken.
namespace troupe::replica {

/// To the leader: propose this. Sent again until its outcome is applied where it came from.
struct delegated_command {
  std::string command;      ///< an encoded `model::stamped_command` with its origin; the leader stamps it anew
  bool is_relayed = false;  ///< by a replica that does not lead; it is not relayed again
};
/// The answer to a command that will never be in the log.
struct refused_command {
  std::uint64_t token = 0;
  error why;
};
/// To the leader: how far must I apply, to see all that is acknowledged by now?
struct read_request {
  std::uint64_t number = 0;  ///< the asker's own
};
struct read_index {
  std::uint64_t number = 0;
  raft::log_index index;
};

using peer_body = std::variant<raft::message, delegated_command, refused_command, read_request, read_index, model::slot_ask,
                               model::slot_heartbeat>;

/// A heartbeat goes from a slot's node to the leader, and from there to all others, for who watches the job there.
struct peer_message {
  shard_no shard;
  raft::server_id from;
  raft::server_id to;
  peer_body what;
};

}  // namespace troupe::replica
