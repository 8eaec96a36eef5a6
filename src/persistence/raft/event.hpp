#pragma once

#include "persistence/raft/configuration.hpp"
#include "persistence/raft/message.hpp"

#include <optional>

namespace troupe::raft {

/// The time of `update::wake_at` has come. Early or needless ticks do no harm.
struct tick {};
/// Commands for the log, in this order. One event with many commands costs one write and one message.
struct propose {
  std::vector<shared_bytes> payloads;
  std::vector<server_id> awaited_by = {};  ///< where somebody waits to see these committed
};
/// Everything that was handed out with `update::persist_no` up to `upto` is durable. Repeats do no harm.
struct persisted {
  std::uint64_t upto = 0;
};
/// A message of a peer, whoever it is for; what is not for this server, or not from a member, is ignored.
struct received {
  message what;
};
/// The host holds a durable snapshot of its state up to `upto`. The answer, now or later, is `update::released`.
struct compact {
  log_index upto;
};

/// Asks whether this replica still leads, so that state of now may be read from it (thesis 6.4). `number` is the caller's own,
/// and comes back in `update::reads`; one number may stand for many readers.
struct confirm_read {
  std::uint64_t number = 0;
  std::optional<server_id> reader = {};  ///< reads when it knows the index to be committed, so it is told at once
};
/// Hands the leadership over (thesis 3.10). Proposals are refused until the new leader is heard of, or an election timeout has
/// passed.
struct transfer_leadership {
  server_id to;
};

/// Changes who belongs to the group, one step at a time (`check_change`). The answer is in `update::proposed`.
struct change_members {
  configuration to;
};
/// The host has put a snapshot of the leader's in the place of its state and of its whole log, durably, after all writes before.
/// May also be later than the one that was wanted.
struct installed {
  log_index index;
  term index_term;
  configuration members;
};
/// The snapshot could not be had; the leader will offer it again.
struct install_failed {};

using event = std::variant<tick, propose, persisted, received, compact, confirm_read, transfer_leadership, change_members,
                           installed, install_failed>;

}  // namespace troupe::raft
