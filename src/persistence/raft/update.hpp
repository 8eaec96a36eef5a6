#pragma once

#include "base/error.hpp"
#include "persistence/raft/message.hpp"
#include "persistence/raft/state.hpp"

#include <optional>

namespace troupe::raft {

enum class server_role : std::uint8_t { follower, pre_candidate, candidate, leader };

struct role_change {
  server_role role = server_role::follower;
  term at;
  std::optional<server_id> leader;

  friend bool operator==(const role_change&, const role_change&) = default;
};

/// The place that proposals got: the first at `first`, the others after it. They are committed when `committed` shows these
/// indexes with this term, and lost when it shows one of them with another term.
struct assigned {
  log_index first;
  term at;
};

/// The outcome of a `confirm_read`: once everything up to `index` is applied here, the state is at least as new as it was when
/// the read was asked for. `errc::not_leader`: nothing is known, ask the leader.
struct read_outcome {
  std::uint64_t number = 0;
  result<log_index> index;
};

/// An entry by its place and its term, which together name it for good.
struct position {
  log_index index;
  term at;

  friend bool operator==(const position&, const position&) = default;
};

/// What a follower lacks is no longer in its leader's log.
struct wanted_snapshot {
  server_id from;
  position at_least;
};

/// A follower lacks what it had told this leader to be on its disk: the disk is not what it was. It counts in no majority any
/// more and is sent nothing as long as this leader leads and it belongs to the group.
struct lost_log {
  server_id who;
  log_index acknowledged;  ///< it had everything up to here
  log_index rejected;      ///< at or before that; it says that it does not have this one
};

/// What the host has to do after one step. The order of its parts does not matter, but updates must be carried out one after
/// another, and a write must be durable before `persisted` says so.
struct update {
  // One atomic write: the hard state, then drop all entries at and after `truncate_from`, then append.
  std::optional<hard_state> hard;
  std::optional<log_index> truncate_from;
  std::vector<entry> append;
  /// 0: nothing to write. Rises with each write.
  std::uint64_t persist_no = 0;

  /// May leave at once: what has to wait for the disk is held back inside the machine.
  std::vector<message> send;

  /// Newly committed, in order, each once in the life of a machine. A majority has them on disk, this server perhaps not yet: the
  /// state that comes of them must not reach the disk before the writes that were handed out until now.
  std::vector<entry> committed;

  /// The log up to here is in a durable snapshot, and nobody needs it: the host may delete it, and then hands this position (or
  /// an earlier one) to the next machine as `recovered::snapshot_index` and `snapshot_term`.
  std::optional<position> released;
  /// Set with `released`: who belonged to the group there, for `recovered::members`.
  std::optional<configuration> released_members;

  /// Fetch a snapshot from this server, of this position or later, and step `installed` or `install_failed`.
  std::optional<wanted_snapshot> install;

  std::optional<role_change> role;

  /// Set after `propose` and `change_members`: where the entries stand in the log, or `errc::not_leader`, `queue_full`,
  /// `bad_request`, `conflict` (another change is not committed yet, or nothing of this leader's term).
  std::optional<result<assigned>> proposed;

  /// Followers that were found to have lost what they had acknowledged, each once while this leader leads.
  std::vector<lost_log> lost_logs;

  /// Reads that are decided, in the order in which they came.
  std::vector<read_outcome> reads;

  /// Set after `transfer_leadership`: begun, or `errc::not_leader`, `bad_request`, `conflict` (one is under way).
  std::optional<result<void>> transferred;

  /// When `tick` is needed next; `timestamp::max()`: never. Let an earlier timer run out, then set it anew.
  timestamp wake_at = timestamp::max();

  /// Something that cannot be happened: the group stands still from here on, nothing else in this update counts.
  std::optional<error> failure;
};

}  // namespace troupe::raft
