#pragma once

#include "persistence/replica/replica.hpp"
#include "sim/workload.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace troupe::sim {

class host;
class world;

/// Knows what was asked, what was answered and what really ran, and holds the nodes to the invariants of docs/simulation.md.
/// Its picture of a job comes from the journalled events, as the first node gives them out that applies their entry; these
/// never change once they were seen.
class oracle {
 public:
  explicit oracle(world& in) : in_(in) {}

  void node_started(const host& which, const model::table_limits& limits);
  void before_step(const host& which, const std::vector<replica::event::any>& events, timestamp now);
  void after_step(host& which, const replica::effects& out, timestamp now);
  void state_written(const host& which);

  // Clients.
  void will_submit(model::job_id drawn, const wish& want, std::optional<timestamp> due);
  void will_cancel(model::job_id id) { cancels_asked_.insert(id); }
  void answers_submit(model::job_id drawn, const result<model::submit_outcome>& got, replica::machine& node);
  void answers_cancel(model::job_id id, const std::string& tenant, const result<model::job_id>& got, replica::machine& node);
  /// A node's picture of a job is one that its events gave, not older than this revision.
  void check_job(replica::machine& node, model::job_id id, std::uint64_t floor);
  /// ... after a confirmed read.
  void check_read(replica::machine& node, model::job_id id, std::uint64_t floor);
  void check_page(replica::machine& node, const std::string& tenant);
  /// The newest revision that a client was told of.
  [[nodiscard]] std::uint64_t seen_of(model::job_id id) const;
  void was_seen(model::job_id id, std::uint64_t revision);
  [[nodiscard]] bool knows(model::job_id id) const { return jobs_.contains(id); }
  [[nodiscard]] std::optional<model::job_state> end_of(model::job_id id) const;

  // Slots and workers.
  void attempt_begins(const model::task_spec& task, const model::slot_id& slot);
  void attempt_left(const model::task_spec& task);
  void attempt_made(const model::task_spec& task, const model::json::object& outputs);
  void slot_reports(const model::slot_finish& finish);

  /// Operators.
  void will_change_nodes() { changes_nodes_ = true; }
  [[nodiscard]] bool is_removed(model::node_id node) const { return removed_.contains(node); }

  /// All jobs have ended, as far as events tell.
  [[nodiscard]] bool is_drained() const noexcept { return active_ == 0; }
  /// When everything has come to rest.
  void check_end(host& which);
  /// ... of all together: their states are equal, and what the log gives.
  void check_log(host& leader);
  /// Jobs that have ended may be forgotten from then on.
  [[nodiscard]] timestamp last_expiry() const noexcept { return last_expiry_; }
  [[nodiscard]] std::string names_of_open_jobs() const;

 private:
  using attempt_key = std::pair<model::task_id, model::attempt_no>;
  using instance_key = std::pair<std::string, std::uint64_t>;  // stage, instance
  struct submission {
    wish want;
    std::optional<timestamp> due;
  };
  struct task_history {
    std::uint64_t last_attempt = 0;
    bool is_running = false, is_done = false;
    std::string slot;
    std::uint32_t own = 0, node_lost = 0;
  };
  struct job_history {
    const submission* made = nullptr;
    std::vector<std::uint64_t> events;  // hashes, by revision
    std::map<instance_key, task_history> tasks;
    std::string ended_as, must_end_as;
    timestamp ended{};
    std::optional<timestamp> keep_until;
    [[nodiscard]] bool has_ended() const noexcept { return !ended_as.empty(); }
  };
  /// When the leader of a term last heard of an attempt, by its own clock.
  struct contact {
    raft::term at;
    timestamp last{};
  };
  /// What is known of one replica.
  struct replica_record {
    model::table_limits limits;
    std::uint64_t applied = 0;
    bool is_ready = false;
    raft::term at;  // in which it leads
    timestamp ready_since{};
    std::map<attempt_key, std::uint32_t> progress;
  };

  void see(const model::job_event& event);
  void see_submitted(const model::job_event& event);
  void see_started(job_history& job, const model::job_event& event);
  void see_done(job_history& job, const model::job_event& event);
  void see_failed(job_history& job, const model::job_event& event);
  void see_end(job_history& job, const model::job_event& event);
  void check_failure(const job_history& job, const model::job_event& event) const;
  void check_lost(const model::job_event& event, const task_history& task) const;
  void check_progress(replica_record& at, const model::progress_event& progress);
  void heard(const replica_record& at, const attempt_key& key, timestamp now);
  void see_leader(const host& which, replica_record& at, timestamp now);
  void see_applied(host& which, replica_record& at);
  void see_entry(const host& which, const raft::entry& entry);
  void see_resumed(const raft::entry& entry);
  void see_nodes(const host& which);
  void check_one_at_a_time(const raft::configuration& before, const raft::configuration& after) const;
  void check_may_work(const model::job_event& event) const;
  void check_proposals(const host& which, const replica_record& at, const replica::effects& out, timestamp now);
  void check_members(const replica::effects& out) const;
  [[nodiscard]] const raft::configuration& members_at(std::uint64_t index) const;
  void check_list(replica::machine& node);
  void check_nothing_left(host& which);
  void check_replay(const host& leader);
  void check_paused(const model::stamped_command& command, const model::apply_effects& applied, std::uint64_t index);
  [[nodiscard]] attempt_key key_of(const job_history& job, const model::job_event& event) const;
  [[nodiscard]] task_history& running_task(job_history& job, const model::job_event& event);
  [[nodiscard]] bool may_be_gone(const job_history& job, const replica::machine& node) const;
  [[nodiscard]] const job_history* find(model::job_id id) const;

  world& in_;
  std::map<std::uint16_t, replica_record> replicas_;
  std::vector<raft::entry> log_;  // what was applied anywhere; the first entry has index 1
  std::map<std::uint64_t, raft::configuration> members_;
  std::map<raft::term, std::uint16_t> leaders_;
  std::map<std::uint64_t, std::uint64_t> state_hashes_;  // by applied index
  std::map<model::job_id, std::uint64_t> seen_;
  model::table_limits limits_;  // those that are the same in all lives
  std::map<model::job_id, submission> submissions_;
  std::map<model::job_id, job_history> jobs_;
  std::map<std::pair<std::string, std::string>, model::job_id> key_owners_;
  std::set<model::job_id> cancels_asked_;
  std::map<attempt_key, model::slot_id> in_workers_;       // at this moment
  std::map<attempt_key, model::json::object> made_;        // what workers made
  std::map<attempt_key, std::set<std::string>> reported_;  // what slots said: "done" or a cause
  std::map<attempt_key, contact> contacts_;
  std::uint64_t active_ = 0, peak_active_ = 0;
  timestamp last_expiry_{};
  bool changes_nodes_ = false;                   // operators have asked for something
  std::map<model::node_id, timestamp> drained_;  // log time by which it was so
  std::set<model::node_id> removed_;
  std::set<model::paused_scope> paused_;  // by the log, up to the entry that is replayed
  std::set<model::command_origin> pauses_seen_;
};

}  // namespace troupe::sim
