#pragma once

#include "persistence/raft/entry.hpp"

#include <variant>
#include <vector>

namespace troupe::raft {

/// "Would you vote for me in term `message::at`?" Changes nothing at either end (thesis 9.6).
struct pre_vote_request {
  log_index last_index;
  term last_term;
};
/// Granted: `message::at` is the term that was asked for. Refused: it is the answering server's own term, so that terms converge.
struct pre_vote_reply {
  bool granted = false;
};
/// "Vote for me in term `message::at`" (Raft 5.2).
struct vote_request {
  log_index last_index;
  term last_term;
  /// The leader itself asked for this election: a server that hears from it may vote all the same.
  bool is_transfer = false;
};
struct vote_reply {
  bool granted = false;
};
/// Entries that follow `prev_index`, or none: a heartbeat (Raft 5.3).
struct append_request {
  log_index prev_index;
  term prev_term;
  std::vector<entry> entries;
  log_index commit;
  /// All voters hold everything up to here on their disks: nobody will ask for it again.
  log_index held_by_all;
  /// Rises in a term; the answer says which one was seen, so that a leader knows that it still led when it sent it.
  std::uint64_t round = 0;
};
/// The sender's log equals the leader's up to `match`, and is on its disk up to there.
struct append_accepted {
  log_index match;
  std::uint64_t round = 0;  ///< the highest one seen of this leader
};
/// The sender has no entry `rejected` with the term that was named; it may agree at `hint_index`, where it has `hint_term`.
struct append_refused {
  log_index rejected;
  log_index hint_index;
  term hint_term;
  std::uint64_t round = 0;
};
/// The answer to an append of an older term: `message::at` is the newer one. Says nothing about logs.
struct term_passed {};
/// What the receiver lacks is no longer in the leader's log, but in a snapshot of `index` or later, which its host has to fetch.
struct snapshot_offer {
  log_index index;
  term index_term;
  std::uint64_t round = 0;
};
/// "Your log is as long as mine, and I take no more entries: be elected now" (thesis 3.10).
struct timeout_now {};

using message_body = std::variant<pre_vote_request, pre_vote_reply, vote_request, vote_reply, append_request, append_accepted,
                                  append_refused, term_passed, snapshot_offer, timeout_now>;

/// One message between two replicas of a group. May be lost, doubled, late and overtaken by others.
struct message {
  server_id from;
  server_id to;
  term at;
  message_body body;
};

}  // namespace troupe::raft
