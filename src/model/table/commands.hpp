#pragma once

#include "model/cluster_version.hpp"
#include "model/degradation.hpp"
#include "model/pauses.hpp"
#include "model/queue.hpp"
#include "model/table/job_record.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

// What the log holds: commands. Decisions are taken when they are applied, by the same code on every replica; so time and
// randomness are in them.
namespace troupe::model {

/// Settings on which decisions depend. Committed, so that all replicas decide alike.
struct table_limits {
  std::uint64_t jobs_most = 10'000;   ///< jobs that have not ended
  duration ageing = 10min;            ///< waiting that lifts a task by one priority
  duration keep_finished = 24h;       ///< a result can be fetched so long
  duration keep_dead = 14 * 24h;      ///< somebody should look at a dead job
  std::uint32_t node_lost_most = 20;  ///< attempts that a task may lose with their nodes
  friend bool operator==(const table_limits&, const table_limits&) = default;
};

/// Takes a job, unless its key is known. `id` was drawn by the edge.
struct submit_command {
  job_id id;
  std::string tenant;
  std::optional<std::string> idempotency_key;
  digest request_hash;
  std::string pipeline_name;
  digest pipeline_hash;
  std::optional<std::string> pipeline_text;  ///< `store_text`; left out when the log is known to hold it
  packed_object inputs;
  std::uint8_t priority = 5;
  std::vector<std::pair<std::string, std::string>> labels;
  std::optional<timestamp> deadline;
};

/// A slot's parked ask meets the queue: the best task that fits starts there.
struct assign_command {
  slot_id slot;
  std::uint64_t ask = 0;
  slot_offer offer;
  /// What the leader would have there, because what it reads is there; if it does not wait any more, the best one. Since
  /// version 3.
  std::optional<task_id> preferred = {};
};

/// An attempt ended. Counts only if it is the one that runs.
struct finish_command {
  task_id task;
  attempt_no attempt;
  std::variant<attempt_result, attempt_failure> outcome;
};

struct cancel_command {
  std::string tenant;
  job_id id;
  std::string reason;
};

/// What a node says of itself at its start.
struct node_traits {
  std::string program;  ///< its version, for people
  version_range reads;  ///< of the log's commands
  std::string domain;   ///< what fails together; empty: the node alone
  bool stores = true;   ///< may vote
  bool works = true;    ///< its slots get tasks
  std::uint32_t slots = 0;
  std::vector<std::string> labels;  ///< of its slots; sorted
  friend bool operator==(const node_traits&, const node_traits&) = default;
};

/// A node started: what its earlier starts were running is lost. Its first start makes it a member of the cluster.
struct boot_command {
  node_id node;
  incarnation boot;
  std::string address = {};  ///< "host:port" where its peers reach it; empty if it takes none
  /// Drawn anew at each start: an old copy of a data directory counts its starts from where it was copied, so that one number
  /// may come twice. 0: of a time before there were marks.
  std::uint64_t mark = 0;
  std::optional<node_traits> traits = {};  ///< since version 2
};

/// From here on the log may hold commands of this version: every node of the cluster reads them.
struct version_command {
  std::uint32_t version = 1;
};

/// A node shall run nothing any more, and neither lead nor vote if another one can. It stays so, also when it starts anew.
struct drain_command {
  node_id node;
  std::optional<timestamp> hand_back_at;  ///< what still runs there then is run elsewhere; nothing: it may take its time
};
/// The leader has nothing left to take from a draining node.
struct drained_command {
  node_id node;
};
/// A node that was drained works again.
struct resume_command {
  node_id node;
};
/// A node does not belong to the cluster any more, and never will again under this id.
struct remove_command {
  node_id node;
  std::string reason;
};

/// No queued task of a pipeline, or none at all, goes to a slot until it is resumed. Since version 5, as the next one.
struct pause_command {
  paused_scope of;
  std::string reason;
};
/// An operator's pause ends.
struct unpause_command {
  paused_scope of;
};

/// What is done to jobs from now on; level 0 ends it. The same once more confirms it until a later time. Since version 7.
struct degrade_command {
  std::uint32_t level = 0;
  measures of{};
  std::string why;
  duration lasts{};  ///< in log time, unless it is confirmed
};

/// Who decides how many nodes there are, and what it remembers of its steps, for who decides after it. One whose term is over is
/// refused. Since version 8.
struct scaling_command {
  std::uint64_t term = 0;
  std::optional<std::string> memory;  ///< nothing: what there is stays, and nobody of an older term changes it any more
};

struct limits_command {
  table_limits limits;
};

/// Only time passes: back-offs end, deadlines strike, old jobs go.
struct tick_command {};

using command = std::variant<submit_command, assign_command, finish_command, cancel_command, boot_command, limits_command,
                             tick_command, drain_command, drained_command, resume_command, remove_command, version_command,
                             pause_command, unpause_command, degrade_command, scaling_command>;

/// Which request of which node a command came from, so that the node finds its outcome when it applies it.
struct command_origin {
  node_id node;
  incarnation boot;
  std::uint64_t token = 0;
  friend auto operator<=>(const command_origin&, const command_origin&) = default;
};

/// One log entry.
struct stamped_command {
  timestamp now{};  ///< the proposer's clock; log time is the largest seen so far
  command body;
  std::optional<command_origin> origin = {};
};

/// What the proposer learns when its command is applied.
struct submit_outcome {
  job_id id;
  bool created = true;
  // Of a job that is new:
  std::optional<duration> expected_wait = {};  ///< for a slot, as of when it was taken; nothing: nobody knows
  measure degraded = measure::none;            ///< what was done to its class then
};
struct pause_outcome {
  bool changed = true;  ///< false: it was paused, or not paused, before
};
using apply_reply = std::variant<std::monostate, result<submit_outcome>, result<job_id>, result<node_id>, result<pause_outcome>>;

/// An attempt that has been committed and may start now.
struct grant {
  slot_id slot;
  std::uint64_t ask = 0;
  task_spec task;
};

/// An attempt that must stop: its result will not be taken.
struct revocation {
  slot_id slot;
  task_id task;
  attempt_no attempt;
};

/// An attempt that does not run any more, however it ended.
struct ended_attempt {
  task_id task;
  attempt_no attempt;
  slot_id slot;
};

/// What the world has to do after a command was applied. Only the leader acts on it.
struct apply_effects {
  apply_reply reply;
  std::vector<grant> grants;
  std::vector<revocation> revocations;
  std::vector<ended_attempt> ended;
  std::vector<job_event> events;
};

}  // namespace troupe::model
