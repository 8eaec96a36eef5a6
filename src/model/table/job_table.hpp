#pragma once

#include "model/expected_wait.hpp"
#include "model/queue.hpp"
#include "model/table/commands.hpp"
#include "model/table/ended_jobs.hpp"
#include "model/table/record_cache.hpp"
#include "model/table/table_store.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

namespace troupe::model {

// Under these names the store keeps the log time, and the nodes as a JSON object by their ids.
inline constexpr std::string_view log_time_name = "log_time";
inline constexpr std::string_view nodes_name = "nodes";
// The version of the commands that the log may hold, in decimal digits; not there: 1.
inline constexpr std::string_view version_name = "cluster_version";
// What is paused, see `pauses::stored`; not there: nothing.
inline constexpr std::string_view pauses_name = "pauses";
// What is done to jobs at the limit, see `stored(degradation)`; not there: nothing ever was.
inline constexpr std::string_view degradation_name = "degradation";
// Who decides how many nodes there are: its term, in decimal digits, a space, what it remembers; not there: nobody ever has.
inline constexpr std::string_view scaling_name = "scaling";

/// What is stored of the nodes, with this one alone: for a cluster whose other nodes will never come back.
[[nodiscard]] std::string only_node(const std::string& stored, node_id kept);

/// How long a job that has ended took, from the moment in which it was taken.
struct job_life {
  job_state state = job_state::succeeded;
  duration took{};
  std::optional<duration> waited;  ///< until its first attempt; nothing: it had none
};

/// The jobs of one shard: the replicated state machine. `apply` is deterministic; the same commands in the same order give the
/// same state and the same effects on every replica.
///
///   queued --first attempt--> running --all stages ended--> succeeded
///      \___________cancel___________\______ cancelled
///                                    \___ a stage fails: failed; its budget is used up: dead
///
/// Memory: an index entry per job that has not ended and per waiting task, the whole record only of jobs with a running task,
/// and of those others that were touched last.
/// The first command that ends a job wins; a later one changes nothing.
class job_table {
 public:
  /// Builds the indexes from what the store holds. The store outlives the table.
  /// @param shards  that share the cluster's slots, for estimates
  explicit job_table(table_store& store, std::uint32_t shards = 1);

  apply_effects apply(const stamped_command& entry, std::uint64_t log_index);

  /// Queries. As of the last applied command.
  [[nodiscard]] result<job_view> view(const std::string& tenant, job_id id);
  [[nodiscard]] result<std::vector<job_event>> events(const std::string& tenant, job_id id, std::uint64_t after,
                                                      std::uint32_t limit);
  /// Nothing: it has not ended, or is not kept.
  [[nodiscard]] std::optional<job_life> life_of(job_id id);
  struct list_filter {
    std::string tenant;
    std::optional<job_state> state;
    std::optional<std::string> pipeline;
    std::optional<std::pair<std::string, std::string>> label;
  };
  struct list_page {
    std::vector<job_view> jobs;
    std::string next_cursor;
  };
  [[nodiscard]] list_page list(const list_filter& filter, const std::string& cursor, std::uint32_t limit);

  /// When a `tick_command` would change something next.
  [[nodiscard]] std::optional<timestamp> next_due() const;
  [[nodiscard]] timestamp log_time() const noexcept { return log_time_; }
  [[nodiscard]] const table_limits& limits() const noexcept { return limits_; }
  [[nodiscard]] const task_queue& queue() const noexcept { return queue_; }
  [[nodiscard]] const model::pauses& pauses() const noexcept { return pauses_; }
  /// Jobs of a pipeline that have not ended.
  struct job_counts {
    std::uint64_t queued = 0, started = 0;
  };
  [[nodiscard]] job_counts jobs_of(const std::string& pipeline) const;
  [[nodiscard]] const model::degradation& degradation() const noexcept { return degradation_; }
  /// What whoever decided last how many nodes there are keeps for the next; empty: nothing.
  [[nodiscard]] const std::string& scaling_memory() const noexcept { return scaling_memory_; }
  /// How long a job of this priority would wait for its first slot if it came now, by what this replica has seen since its
  /// start. What an operator has paused counts as if it went on.
  /// @returns nothing: nobody knows, or everything is paused
  [[nodiscard]] std::optional<duration> expected_wait(std::uint8_t priority) const;
  /// Jobs that have not begun and wait for an operator to resume them.
  [[nodiscard]] std::uint64_t jobs_paused() const;
  /// active --drain--> draining --nothing left to take from it--> drained; resume leads back to active.
  enum class node_state : std::uint8_t { active, draining, drained };
  /// A node of the cluster, with its last start.
  struct known_node {
    incarnation boot;
    std::string address;
    std::uint64_t mark = 0;
    node_state state = node_state::active;
    std::optional<timestamp> hand_back_at = {};
    std::optional<node_traits> traits = {};  ///< nothing: it has not said since the cluster's version allows it
    friend bool operator==(const known_node&, const known_node&) = default;
  };
  [[nodiscard]] const std::map<node_id, known_node>& nodes() const noexcept { return nodes_; }
  struct removed_node {
    timestamp at{};
    std::string reason;
    friend bool operator==(const removed_node&, const removed_node&) = default;
  };
  /// The newest thousand that were taken out.
  [[nodiscard]] const std::map<node_id, removed_node>& removed_nodes() const noexcept { return removed_nodes_; }
  /// No command in the log is newer.
  [[nodiscard]] std::uint32_t cluster_version() const noexcept { return cluster_version_; }
  [[nodiscard]] bool is_active(node_id node) const;
  /// Whether any node takes tasks, as far as nodes have said what they do.
  [[nodiscard]] bool has_worker() const;
  [[nodiscard]] std::size_t tasks_on(node_id node) const;
  [[nodiscard]] bool knows_pipeline(const digest& hash) { return store_.load_pipeline(hash) != nullptr; }

  struct running_attempt {
    attempt_no attempt;
    slot_id slot;
    std::uint64_t ask = 0;
    timestamp since{};
  };
  [[nodiscard]] const std::map<task_id, running_attempt>& running() const noexcept { return running_; }
  /// What runs on a node, by task. Takes time with that alone.
  [[nodiscard]] std::vector<std::pair<task_id, running_attempt>> running_on(node_id node) const;
  /// The task that was granted to this slot's ask, built again; for a slot that did not get the first grant.
  [[nodiscard]] std::optional<grant> grant_again(slot_id slot, std::uint64_t ask);
  /// The ask to which this slot was given what it runs; nothing while it runs nothing.
  [[nodiscard]] std::optional<std::uint64_t> served_ask(slot_id slot) const;
  [[nodiscard]] std::uint64_t jobs_queued() const noexcept { return active_.size() - jobs_started_; }
  [[nodiscard]] std::uint64_t jobs_running() const noexcept { return jobs_started_; }

 private:
  struct active_job {
    bool started = false;
    std::uint8_t priority = 5;
    std::uint32_t running_tasks = 0;
    std::optional<timestamp> deadline;
  };
  class change;  // one job being changed by one command: record, pipeline, events
  friend class change;

  /// Why a stage that could run waits, as precisely as the nodes have said what they are; "" if nothing better is known.
  [[nodiscard]] std::string why_no_slot(const stage& plan) const;
  /// Why those of its tasks wait that could run, if it is for an operator; "" if it is not.
  [[nodiscard]] std::string why_paused(const job_record& job) const;

  void on(const submit_command& c, apply_effects& out);
  void on(const assign_command& c, apply_effects& out);
  void on(const finish_command& c, apply_effects& out);
  void on(const cancel_command& c, apply_effects& out);
  void on(const boot_command& c, apply_effects& out);
  void on(const limits_command& c, apply_effects& out);
  void on(const tick_command& c, apply_effects& out);
  void on(const drain_command& c, apply_effects& out);
  void on(const drained_command& c, apply_effects& out);
  void on(const resume_command& c, apply_effects& out);
  void on(const remove_command& c, apply_effects& out);
  void on(const version_command& c, apply_effects& out);
  void on(const pause_command& c, apply_effects& out);
  void on(const unpause_command& c, apply_effects& out);
  void on(const degrade_command& c, apply_effects& out);
  void on(const scaling_command& c, apply_effects& out);

  void advance_time(timestamp now, apply_effects& out);
  void end_backoffs();
  void strike_deadlines(apply_effects& out);
  void hand_back_from_draining(apply_effects& out);
  void take_back(node_id node, const attempt_failure& why, apply_effects& out);
  void load_pauses();
  void load_degradation();
  void load_scaling();
  void degrade(model::degradation to);
  void end_degradation_in_time();
  [[nodiscard]] std::optional<error> why_refused(std::uint8_t priority) const;
  void count_queued(const std::string& pipeline, std::uint8_t priority);
  void count_started(const std::string& pipeline, std::uint8_t priority);
  void count_ended(const std::string& pipeline, std::uint8_t priority, bool had_started);
  void load_nodes();
  void save_nodes();
  void note_hand_backs();
  void begin_on(slot_id slot, task_id task);
  void save_removed_nodes();
  void forget_old_jobs();

  void accept(const submit_command& c, std::shared_ptr<const pipeline> p, apply_effects& out);
  bool start_task(task_id task, const assign_command& c, apply_effects& out);
  void finish_done(change& job, task_id task, const attempt_result& done, apply_effects& out);
  void finish_failed(change& job, task_id task, const attempt_failure& failure, apply_effects& out);
  void leave_slot(change& job, task_id task, apply_effects& out);
  void advance(change& job, apply_effects& out);
  void open_stage(change& job, std::uint16_t stage, apply_effects& out);
  void close_stage_if_done(change& job, std::uint16_t stage);
  void end_job(change& job, job_state state, std::optional<job_failure> why, apply_effects& out);
  void enqueue(const job_record& job, const pipeline& p, std::uint16_t stage, std::uint16_t instance);
  [[nodiscard]] static bool are_needs_there(const change& job, std::uint16_t stage);
  void make_ready(change& job, task_id task);
  void make_inputs_again(change& job, task_id task, const attempt_failure& failure, timestamp began);
  void run_again(change& job, task_id task);
  [[nodiscard]] result<void> go_on_with(change& job, std::uint16_t stage);
  [[nodiscard]] std::uint64_t slots_of_active_nodes() const;
  [[nodiscard]] result<task_spec> spec_for(const job_record& job, const pipeline& p, task_id task) const;
  void index(const job_record& job);

  std::shared_ptr<job_record> remembered(job_id id);
  std::shared_ptr<job_record> record_of(job_id id);
  std::shared_ptr<const job_record> look_at(job_id id);
  void keep_or_drop(const std::shared_ptr<job_record>& job);

  table_store& store_;
  table_limits limits_;
  std::map<node_id, known_node> nodes_;
  mutable std::optional<std::uint64_t> slots_;  // of active nodes, once somebody has asked since the nodes changed
  std::map<node_id, removed_node> removed_nodes_;
  std::uint32_t cluster_version_ = 1;
  timestamp log_time_{};
  std::uint64_t log_index_ = 0;
  task_queue queue_;
  model::pauses pauses_;
  std::unordered_map<std::string, job_counts> jobs_of_;  // by pipeline; those that have any
  std::array<std::uint64_t, 10> queued_at_{};            // jobs that have not begun, by priority
  job_costs costs_;
  std::uint32_t shards_;
  model::degradation degradation_;
  std::uint64_t scaling_term_ = 0;
  std::string scaling_memory_;
  std::unordered_map<job_id, active_job> active_;
  std::uint64_t jobs_started_ = 0;
  std::map<task_id, running_attempt> running_;
  std::map<slot_id, task_id> running_on_;
  std::unordered_map<node_id, std::size_t> tasks_on_;                  // nodes that run something
  std::optional<timestamp> first_hand_back_;                           // of the nodes that are drained until then
  std::unordered_map<job_id, std::shared_ptr<job_record>> in_memory_;  // jobs with a running task
  record_cache waiting_{16'384, 32_MiB};                               // jobs that wait for a slot
  record_cache ended_{128, 8_MiB};
  ended_jobs kept_;
  std::set<std::pair<timestamp, task_id>> backing_off_;
  std::set<std::pair<timestamp, job_id>> deadlines_;
  std::optional<std::pair<timestamp, job_id>> first_expiry_;  // of the store, cached
};

[[nodiscard]] const char* to_string(job_table::node_state state) noexcept;

}  // namespace troupe::model
