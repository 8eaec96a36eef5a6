#pragma once

#include "base/error.hpp"
#include "model/job_view.hpp"
#include "model/oversight.hpp"
#include "model/pipeline_registry.hpp"
#include "model/table/commands.hpp"
#include "model/task.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

// What actors say to each other and what the HTTP edge says to them. Nothing here leaves the process.
namespace troupe::actors {

/// Command: take a job. To the shard's leader. Answer: after the job is durable on a majority, `submit_reply`.
/// The same tenant and key give the same job; with another `request_hash`, `errc::conflict`. `errc::queue_full` has
/// `retry_after`, as `errc::degraded` has: the cluster is at its limit and takes no job of this class.
struct submit_job {
  std::string tenant;
  std::optional<std::string> idempotency_key;
  digest request_hash;  ///< with a key: of the parsed request, not of its bytes; unused without one
  std::shared_ptr<const model::pipeline> pipeline;
  model::packed_object inputs;  ///< complete and valid (`check_inputs`); the artifacts that they name exist
  std::uint8_t priority = 5;    ///< 0..9
  std::vector<std::pair<std::string, std::string>> labels;
  std::optional<timestamp> deadline;  ///< the job fails when it has not ended by then
  /// As `inputs`; taken in their place while jobs of this class may have cheaper ones. Nothing: the client wants none.
  std::optional<model::packed_object> cheaper_inputs = {};
};
/// Whether a job could have, or got, its pipeline's cheaper inputs.
enum class cheaper_inputs : std::uint8_t { none, offered, used };
struct submitted {
  model::job_view job;
  bool created = true;  ///< false: the key was known
  // Of a job that was taken now:
  std::optional<duration> expected_wait = {};      ///< for a slot; nothing: nobody knows
  model::measure degraded = model::measure::none;  ///< what is done to jobs of its class
  cheaper_inputs cheaper = cheaper_inputs::none;
};
using submit_reply = result<submitted>;

/// Command: take several jobs. Each is decided by itself, in their order where they are of one shard; those of a shard become
/// durable with one write. Answer: a reply to each, in the order of the jobs, once all are known.
struct submit_batch {
  std::vector<submit_job> jobs;
};
struct batch_reply {
  std::vector<submit_reply> replies;
};

/// Query: one job as of everything acknowledged before. Answer: `job_reply`; `errc::not_found`.
struct get_job {
  std::string tenant;
  model::job_id id;
};
using job_reply = result<model::job_view>;

/// Command: end a job that has not ended. Idempotent. Answer: the job after it; `errc::conflict` if it ended otherwise before.
struct cancel_job {
  std::string tenant;
  model::job_id id;
  std::string reason;
};

/// Query: jobs, newest first. Answer: `jobs_reply`; `errc::bad_request` for a cursor that was not issued.
struct list_jobs {
  std::string tenant;
  std::optional<model::job_state> state;
  std::optional<std::string> pipeline;
  std::optional<std::pair<std::string, std::string>> label;
  std::string cursor;        ///< opaque; empty: from the newest
  std::uint32_t limit = 50;  ///< 1..500
};
struct jobs_page {
  std::vector<model::job_view> jobs;  ///< without stages, inputs and result
  std::string next_cursor;            ///< empty: this was the last page
  std::uint64_t as_of = 0;            ///< log index that the page shows; of several shards the sum
};
using jobs_reply = result<jobs_page>;

/// Query: the journalled events of a job after a revision, oldest first. Answer: `events_reply`.
struct get_events {
  std::string tenant;
  model::job_id id;
  std::uint64_t after = 0;
  std::uint32_t limit = 500;
};
using events_reply = result<std::vector<model::job_event>>;

/// Query: up to which log index a shard's state must reach to have everything that was acknowledged before the question. This
/// node's disk will show it soon, whatever happens. Answer: `position_reply`; `errc::not_found`.
struct get_position {
  model::shard_no shard = {};
};
struct state_position {
  std::uint64_t index = 0;
};
using position_reply = result<state_position>;

/// What a listener gets: journalled events and progress, in the order of publication.
using live_event = std::variant<model::job_event, model::progress_event>;

/// Where a listener wants its events. Owned by the listener; the hub holds it weakly. `push` is called by the hub's thread and
/// must not block: a listener that is full drops what it has and reads the journal again.
class event_sink {
 public:
  virtual ~event_sink() = default;
  virtual void push(const std::shared_ptr<const live_event>& event) = 0;
};

/// Command to the hub: send this job's events (or all jobs' without one) to the sink until it is gone. Answer: `true` once it is
/// in force.
struct subscribe {
  std::optional<model::job_id> job;
  std::weak_ptr<event_sink> sink;
};

/// Query: what an operator has paused, as of what is applied here. Answer: `queue_reply`.
struct get_queue {
  std::optional<std::string> pipeline = {};  ///< whose jobs are to be counted
};
/// Command: pause a pipeline, or everything, or end such a pause. To any node. Idempotent. Answer: `queue_reply` as of after it;
/// `errc::conflict` if there are too many pauses.
struct change_queue {
  enum class action : std::uint8_t { pause, resume };
  action what = action::pause;
  model::paused_scope of;
  std::string reason;  ///< of a pause
};
struct pause_view {
  model::paused_scope of;
  model::pause pause;
  std::uint64_t tasks = 0;  ///< that it holds; a task may be held by two pauses
  std::uint64_t jobs = 0;   ///< that it keeps from beginning
};
/// What waits, by class; what is done to jobs at the cluster's limit, and how long new ones will wait.
struct load_view {
  model::degradation degradation;
  std::array<model::waiting_tasks, model::job_classes> waiting;
  std::array<std::optional<duration>, model::job_classes> expected_waits;  ///< of the last of each class; nothing: nobody knows
};
struct queue_view {
  std::vector<pause_view> pauses;  ///< that of everything first, then by name
  std::uint64_t tasks_ready = 0;   ///< that a slot could run now
  std::uint64_t tasks_paused = 0;
  load_view load = {};
  std::uint64_t jobs_of_pipeline = 0;  ///< that have not ended, of the one that `get_queue` names
  bool changed = false;                ///< by the command; false: it was paused, or not paused, before
};
using queue_reply = result<queue_view>;
/// Command: what is done to jobs from now on. Of whoever decides how many nodes there are; to any node. Answer: `queue_reply` as
/// of after it; `errc::conflict` while not all nodes of the cluster read such commands.
struct degrade_queue {
  model::degrade_command what;
};
/// Command: take over who decides how many nodes there are, or keep what it remembers. To any node; of the first shard. Answer:
/// `scaling_reply`, what is kept as of after it; `errc::conflict` if somebody of a later term has taken over.
struct keep_scaling {
  model::scaling_command what;
};
using scaling_reply = result<std::string>;

/// Query: the state of this node. Answer: `node_view`.
struct get_node {};
struct slot_view {
  std::uint16_t index = 0;
  std::string state;  ///< starting, idle, running, stopping, closed
  std::optional<model::task_id> task;
  std::string stage;
  std::uint32_t attempt = 0;
  std::uint32_t permille = 0;
  std::uint64_t tasks_done = 0;
  std::uint64_t worker_starts = 0;
  std::string device = {};      ///< that it runs on, by its UUID; empty: the processors
  std::string why_closed = {};  ///< for people; empty: it is not

  friend bool operator==(const slot_view&, const slot_view&) = default;
};
/// A node of the cluster, as the answering node knows it.
struct member_view {
  model::node_id id;
  model::incarnation boot;
  std::string address;                            ///< "host:port"
  std::string role;                               ///< leader, voter, learner, joining
  std::string state;                              ///< active, draining, drained
  std::uint64_t tasks = 0;                        ///< that run on its slots
  std::optional<model::node_traits> traits = {};  ///< nothing: it has not said
  // Only the leader knows:
  std::optional<std::uint64_t> behind = {};  ///< log entries that it is not known to have
  std::optional<duration> silent = {};       ///< since it was last heard of
};
/// A shard of the cluster, as the answering node's replica knows it.
struct shard_view {
  model::shard_no shard;
  std::optional<model::node_id> leader;
  std::string role;  ///< of this node: leader, voter, learner, joining
  std::uint64_t term = 0;
  std::uint64_t applied = 0;  ///< log index
  std::uint64_t jobs = 0;     ///< that have not ended
};
struct node_view {
  model::node_id id;
  model::incarnation boot;
  bool ready = false;
  std::string why_not_ready;
  std::vector<std::string> labels;
  std::vector<slot_view> slots;
  std::vector<member_view> members;  ///< by id
  std::uint64_t jobs_queued = 0;     ///< jobs without a started task
  std::uint64_t jobs_running = 0;
  std::uint64_t tasks_ready = 0;  ///< tasks that a slot could run now
  std::uint64_t queue_limit = 0;
  load_view load = {};
  // What an operator has paused:
  std::uint64_t pauses = 0, jobs_paused = 0, tasks_paused = 0;  ///< jobs that have not begun; tasks that would be ready
  std::uint64_t log_index = 0;                                  ///< applied; of several shards the sum
  std::uint64_t log_term = 0;                                   ///< of several shards the highest
  std::vector<shard_view> shards;
};

/// Query: the cluster as this node sees it; the leader sees most. Answer: `cluster_view`.
struct get_cluster {};
/// Something that the supervisor did, or found.
struct decision_view {
  timestamp at{};
  std::string what;  ///< for programs: members_changed, leadership_handed_over, node_drained, ...
  std::string why;   ///< for people
  bool is_alarming = false;
};
struct cluster_view {
  model::node_id seen_by;
  bool leads = false;  ///< the node that answers
  std::optional<model::node_id> leader;
  std::uint64_t term = 0, log_index = 0;  ///< applied
  std::uint32_t version = 1;              ///< of the commands that the log may hold
  model::version_range reads;             ///< of the node that answers
  std::uint64_t voters = 0;
  std::optional<std::uint64_t> losses_survived;  ///< voters that may be lost, one by one; only the leader knows
  std::vector<member_view> nodes;                ///< by id
  std::vector<model::alarm> alarms;
  std::vector<decision_view> decisions;  ///< of the node that answers, since its start; the newest last, a hundred at most
};

/// Query: what a drain of a node would do. Answer: `drain_reply`; `errc::not_found`.
struct plan_drain {
  model::node_id node;
};
using drain_reply = result<model::drain_plan>;

/// Command: drain a node of the cluster, let it work again, or take it out for good. To any node of it. Idempotent. Answer:
/// `node_reply` with the nodes after it; `errc::not_found`; `errc::conflict` says why a node cannot be taken out now.
struct change_node {
  enum class action : std::uint8_t { drain, resume, remove };
  action what = action::drain;
  model::node_id node;
  std::optional<duration> hand_back_after;  ///< of `drain`: what still runs then is run elsewhere; nothing: it may take its time
};
using node_reply = result<std::vector<member_view>>;

}  // namespace troupe::actors
