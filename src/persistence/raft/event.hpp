#pragma once

#include "persistence/raft/message.hpp"

namespace troupe::raft {

/// The time of `update::wake_at` has come. Early or needless ticks do no harm.
struct tick {};
/// Commands for the log, in this order. One event with many commands costs one write and one message.
struct propose {
  std::vector<shared_bytes> payloads;
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

using event = std::variant<tick, propose, persisted, received, compact>;

}  // namespace troupe::raft
