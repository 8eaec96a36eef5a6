#pragma once

#include "base/error.hpp"
#include "model/task.hpp"

#include <functional>
#include <memory>
#include <string>
#include <variant>

namespace troupe::model::ports {

/// What a slot's worker tells its slot. Called on a thread of the host, one call at a time per slot.
struct worker_ready {};  ///< the worker process said hello
struct worker_progress {
  attempt_no attempt;
  task_id task;
  attempt_progress progress;
};  ///< sign of life; at least once a second
struct worker_waiting {
  attempt_no attempt;
  task_id task;
  bool is_waiting = true;
};  ///< for memory that other slots have; then for nothing any more
struct worker_storing {
  attempt_no attempt;
  task_id task;
};  ///< the attempt has made its outputs, the node takes them over; `worker_done` or `worker_failed` follows
struct worker_leaving {};  ///< it takes no more attempts; what it has at hand ends as ever, then it exits
struct worker_done {
  attempt_no attempt;
  task_id task;
  attempt_result result;
};  ///< outputs are in the artifact store, durable
struct worker_failed {
  attempt_no attempt;
  task_id task;
  attempt_failure failure;
};  ///< the attempt ended, the worker lives
/// The whole process tree is gone and reaped, the scratch directory is removed. `failure` if a task was running.
struct worker_exited {
  std::string how;
  std::optional<attempt_failure> failure;
};
using worker_event = std::variant<worker_ready, worker_progress, worker_waiting, worker_storing, worker_leaving, worker_done,
                                  worker_failed, worker_exited>;

/// What the attempt at a worker writes to standard error, while it does.
class attempt_log {
 public:
  virtual ~attempt_log() = default;
  /// The end of it, valid UTF-8 of about so many bytes at most; empty: nothing was written since the attempt began. Any thread.
  [[nodiscard]] virtual std::string last(std::size_t bytes_most) const = 0;
};

/// The process behind one slot. Members return at once; what happens next arrives as an event.
class worker_handle {
 public:
  virtual ~worker_handle() = default;  ///< kills the tree and waits until it is gone
  /// Only after `worker_ready`, one task at a time.
  virtual void run(const task_spec& task) = 0;
  /// Asks the worker to end when idle (recycling, shut-down). `worker_exited` follows.
  virtual void stop() = 0;
  /// Kills the whole tree with SIGKILL. `worker_exited` follows.
  virtual void kill() = 0;
  /// Null: nobody keeps it.
  [[nodiscard]] virtual std::shared_ptr<const attempt_log> log() const { return nullptr; }
};

/// Starts workers. Any thread.
class slot_host {
 public:
  virtual ~slot_host() = default;
  /// @returns an error with `retry_after` if it is only too early: what the slot's workers run on is not free, or not well.
  virtual result<std::unique_ptr<worker_handle>> start(std::uint16_t slot_index, std::function<void(worker_event)> on_event) = 0;
};

}  // namespace troupe::model::ports
