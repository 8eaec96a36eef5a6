#pragma once

#include "persistence/raft/configuration.hpp"
#include "persistence/raft/entry.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace troupe::raft {

/// What must survive a crash besides the log (Raft figure 2, "persistent state").
struct hard_state {
  term current;
  std::optional<server_id> voted_for;

  friend bool operator==(const hard_state&, const hard_state&) = default;
};

struct options {
  server_id self;
  /// A follower that hears nothing for one to one and a half of these asks for votes; a leader without a majority for one steps
  /// down.
  duration election_timeout{1000};
  /// A leader speaks to each follower at least this often. At most half of `election_timeout`.
  duration heartbeat{100};
  /// Most bytes of entries in one append message; a larger single entry travels alone.
  bytes append_bytes_max = 1_MiB;
  /// Less than this is not sent behind a message that has yet to be answered: it goes with what comes until then.
  bytes append_bytes_least = 16_KiB;
  /// What is committed is told with the next entries, and after this long if none come; at once to who awaits it (`propose`).
  duration commit_notice_after{5};
  /// Most append messages with entries that are on their way to one follower.
  std::size_t inflight_max = 64;
  /// Proposals are refused (`errc::queue_full`) while the leader's uncommitted entries, or those that its disk has yet to have,
  /// weigh more than this.
  bytes uncommitted_bytes_max = 64_MiB;
  /// A log that a snapshot covers is kept for members that lack it until it weighs more than this; they then get the snapshot.
  bytes kept_bytes_max = 64_MiB;
  /// Reads are refused (`errc::queue_full`) while more than these wait for their answer.
  std::size_t reads_max = 1024;
  /// Different for each server, else their elections collide.
  std::uint64_t random_seed = 1;
};

/// What the host found on its disk.
struct recovered {
  hard_state hard;
  /// The log begins after this index: the last entry that was dropped, and its term. 0 and 0 for a whole log.
  log_index snapshot_index;
  term snapshot_term;
  /// Who belonged to the group there. Empty for a server that waits to be added to one.
  configuration members;
  /// Everything after `snapshot_index`, without a gap.
  std::vector<entry> entries;
  /// The host's state has taken effect of all entries up to here; `committed` goes on after it.
  log_index applied;
};

}  // namespace troupe::raft
