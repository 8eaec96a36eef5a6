#pragma once

#include "model/ports/slot_host.hpp"
#include "model/queue.hpp"
#include "model/shard_map.hpp"
#include "model/task.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

// A slot: the place where one task runs, with one worker process behind it.
namespace troupe::model {

struct slot_options {
  slot_id self;
  slot_offer offer;
  duration report_every = 1s;         ///< heartbeats while a task runs, asks and results until they are answered
  duration start_timeout = 10s;       ///< a worker that has not said hello by then is killed
  duration restart_pause_most = 30s;  ///< between starts of a worker that dies at once; doubles from 100 ms
  shard_map shards = {};              ///< of the cluster; a slot runs tasks of all of them
};

namespace slot_event {
struct tick {};
struct worker {
  ports::worker_event what;
};
/// The host could not start a worker at all.
struct start_failed {
  error why;
};
/// No worker may start now: what it would run on is not free, or not well.
struct put_off {
  std::string why;  ///< for people
  duration again_in = 1s;
};
/// The shard gives this task to ask `ask`.
struct granted {
  std::uint64_t ask = 0;
  task_spec task;
};
/// The shard took the report of this attempt (or no longer wants it).
struct finish_answered {
  task_id task;
  attempt_no attempt;
};
/// The attempt's result will not be taken: stop it.
struct revoked {
  task_id task;
  attempt_no attempt;
};
/// Shut down: hand back what runs once `at` has come, ask for nothing more.
struct stop {
  timestamp at;
};
using any = std::variant<tick, worker, start_failed, put_off, granted, finish_answered, revoked, stop>;
}  // namespace slot_event

/// One try of a task.
struct attempt_ref {
  task_id task;
  attempt_no attempt;
  friend auto operator<=>(const attempt_ref&, const attempt_ref&) = default;
};
/// To the shard.
struct slot_ask {
  slot_id slot;
  std::uint64_t ask = 0;
  slot_offer offer;
  bool is_withdrawn = false;  ///< the slot stops: nothing will run on it any more
  /// The slot's report of this attempt is not yet answered: it has to be in its shard's log before anything of that shard is
  /// given to the slot.
  std::optional<attempt_ref> after = {};
  slot_kind kind = slot_kind::any;
};
struct slot_heartbeat {
  slot_id slot;
  task_id task;
  attempt_no attempt;
  std::string stage;
  attempt_progress progress;
};
struct slot_finish {
  slot_id slot;
  task_id task;
  attempt_no attempt;
  std::variant<attempt_result, attempt_failure> outcome;
};

struct slot_effects {
  bool start_worker = false;
  bool kill_worker = false;
  bool stop_worker = false;
  std::optional<task_spec> run;
  std::optional<slot_ask> ask;
  std::optional<slot_heartbeat> heartbeat;
  std::vector<slot_finish> finish;
  bool stopped = false;  ///< the last one: no worker, nothing to report
  timestamp wake_at = timestamp::max();
};

/// The life of a slot, as a pure machine.
///
///   starting --hello--> asking --grant--> running --done, failed: reported--> asking
///      ^                                     | hung, over its limit, revoked: kill
///      +-------- worker gone: reported ------+
///
/// An attempt is reported only after its process tree is gone or its worker said that it has ended, and again every
/// `report_every` until the shard answers. The slot asks for work at once; its ask names the last report, which goes before it,
/// so that both can be one write, and a grant of the same shard is the answer to both. A report to another shard stays open
/// beside what runs next, at most one for each shard. A grant for another ask than the present one is handed back; it costs
/// nothing.
class slot_machine {
 public:
  explicit slot_machine(slot_options options) : options_(std::move(options)) {}
  [[nodiscard]] slot_effects step(const slot_event::any& event, timestamp now);

  enum class phase : std::uint8_t { starting, asking, running, stopped };
  [[nodiscard]] phase where() const noexcept { return phase_; }
  [[nodiscard]] const std::optional<task_spec>& current() const noexcept { return current_; }
  [[nodiscard]] const attempt_progress& progress() const noexcept { return progress_; }
  [[nodiscard]] std::uint64_t tasks_done() const noexcept { return tasks_done_; }
  [[nodiscard]] std::uint64_t worker_starts() const noexcept { return worker_starts_; }
  [[nodiscard]] bool is_stopping() const noexcept { return stop_at_.has_value(); }
  /// Why it is closed: no worker may start. Empty: it is not.
  [[nodiscard]] const std::string& closed_because() const noexcept { return closed_because_; }
  [[nodiscard]] bool has_unanswered_report() const noexcept { return !reports_.empty(); }
  /// The attempts whose reports are not answered, the newest last.
  [[nodiscard]] std::vector<attempt_ref> open_reports() const;

 private:
  void on(const slot_event::tick& e);
  void on(const slot_event::worker& e);
  void on(const slot_event::start_failed& e);
  void on(const slot_event::put_off& e);
  void on(const slot_event::granted& e);
  void on(const slot_event::finish_answered& e);
  void on(const slot_event::revoked& e);
  void on(const slot_event::stop& e);
  void on_worker(const ports::worker_ready& e);
  void on_worker(const ports::worker_progress& e);
  void on_worker(const ports::worker_waiting& e);
  void on_worker(const ports::worker_storing& e);
  void on_worker(const ports::worker_leaving& e);
  void on_worker(const ports::worker_done& e);
  void on_worker(const ports::worker_failed& e);
  void on_worker(const ports::worker_exited& e);

  void start_worker();
  void worker_is_gone();
  void kill(attempt_failure why);
  void report(std::variant<attempt_result, attempt_failure> outcome);
  void ask();
  void check_limits();
  void repeat_reports();
  void schedule();
  [[nodiscard]] bool is_current(task_id task, attempt_no attempt) const;
  /// A process that has not said hello yet.
  [[nodiscard]] bool is_greeting() const noexcept { return worker_up_ && !worker_ready_ && !leaving_; }
  [[nodiscard]] bool has_reported(task_id task, attempt_no attempt) const;
  void forget_report(task_id task, attempt_no attempt);

  /// Sent, not yet answered.
  struct open_report {
    slot_finish what;
    timestamp sent{};
  };

  slot_options options_;
  phase phase_ = phase::starting;
  timestamp now_{};
  slot_effects out_;

  bool worker_up_ = false;     // a process exists
  bool worker_ready_ = false;  // it said hello, and takes attempts
  bool leaving_ = false;       // it takes none any more
  timestamp started_at_{};
  std::optional<timestamp> restart_at_;
  std::uint32_t quick_deaths_ = 0;
  std::string closed_because_;  // since a start was put off

  std::uint64_t ask_no_ = 0;
  bool ask_open_ = false;
  timestamp ask_sent_{};

  std::optional<task_spec> current_;
  attempt_progress progress_;
  timestamp running_since_{}, progress_at_{}, heartbeat_sent_{};
  std::optional<attempt_failure> killed_for_;  // the kill is under way; what to report when the tree is gone
  std::optional<timestamp> waiting_since_;     // for memory: the node's time, not the attempt's
  bool storing_ = false;                       // the attempt is done, the node takes over what it made
  bool revoked_ = false;                       // nobody wants the report

  std::vector<open_report> reports_;  // the newest is the last

  std::optional<timestamp> stop_at_;
  bool stop_sent_ = false;
  std::uint64_t tasks_done_ = 0, worker_starts_ = 0;
};

}  // namespace troupe::model
