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

class world;

/// Knows what was asked, what was answered and what really ran, and holds the node to the invariants of docs/simulation.md.
/// Its picture of a job comes from the journalled events; these never change once they were seen.
class oracle {
 public:
  explicit oracle(world& in) : in_(in) {}

  void node_started(model::incarnation boot, const model::table_limits& limits);
  void before_step(const std::vector<replica::event::any>& events, timestamp now);
  void after_step(const replica::effects& out, replica::machine& node, timestamp now);

  // Clients.
  void will_submit(model::job_id drawn, const wish& want, std::optional<timestamp> due);
  void will_cancel(model::job_id id) { cancels_asked_.insert(id); }
  void answers_submit(model::job_id drawn, const result<model::submit_outcome>& got, replica::machine& node);
  void answers_cancel(model::job_id id, const std::string& tenant, const result<model::job_id>& got, replica::machine& node);
  /// The node's picture of a job is the one that its events give.
  void check_job(replica::machine& node, model::job_id id);

  // Slots and workers.
  void attempt_begins(const model::task_spec& task, const model::slot_id& slot);
  void attempt_left(const model::task_spec& task);
  void attempt_made(const model::task_spec& task, const model::json::object& outputs);
  void slot_reports(const model::slot_finish& finish);

  /// All jobs have ended, as far as events tell.
  [[nodiscard]] bool is_drained() const noexcept { return active_ == 0; }
  /// When everything has come to rest.
  void check_end(replica::machine& node);
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
  struct contact {
    timestamp last{};
    duration longest_silence{0};
  };

  void see(const model::job_event& event, timestamp now);
  void see_submitted(const model::job_event& event);
  void see_started(job_history& job, const model::job_event& event, timestamp now);
  void see_done(job_history& job, const model::job_event& event);
  void see_failed(job_history& job, const model::job_event& event, timestamp now);
  void see_end(job_history& job, const model::job_event& event);
  void check_failure(const job_history& job, const model::job_event& event) const;
  void check_lost(const job_history& job, const model::job_event& event, const task_history& task, timestamp now);
  void check_progress(const model::progress_event& progress);
  void check_list(replica::machine& node);
  void check_nothing_left(replica::machine& node);
  void check_replay();
  [[nodiscard]] attempt_key key_of(const job_history& job, const model::job_event& event) const;
  [[nodiscard]] task_history& running_task(job_history& job, const model::job_event& event);
  [[nodiscard]] bool may_be_gone(const job_history& job, const replica::machine& node) const;
  [[nodiscard]] const job_history* find(model::job_id id) const;

  world& in_;
  model::incarnation boot_;
  model::table_limits limits_;
  std::map<model::job_id, submission> submissions_;
  std::map<model::job_id, job_history> jobs_;
  std::map<std::pair<std::string, std::string>, model::job_id> key_owners_;
  std::set<model::job_id> cancels_asked_;
  std::map<attempt_key, model::slot_id> in_workers_;       // at this moment
  std::map<attempt_key, model::json::object> made_;        // what workers made
  std::map<attempt_key, std::set<std::string>> reported_;  // what slots said: "done" or a cause
  std::map<attempt_key, contact> contacts_;
  std::map<attempt_key, std::uint32_t> progress_;
  std::uint64_t active_ = 0, peak_active_ = 0;
  timestamp last_expiry_{};
};

}  // namespace troupe::sim
