#pragma once

#include <caf/actor_control_block.hpp>
#include <caf/execution_unit.hpp>
#include <caf/fwd.hpp>
#include <caf/message.hpp>

#include <functional>
#include <vector>

namespace troupe::actors {

/// Lets a thread that CAF does not schedule, an event loop or the journal's, run the actors that it wakes itself. Handing them to
/// the scheduler would wake a sleeping thread, which takes longer than what they do (docs/performance.md). All members belong to
/// that thread, or to who stands in for it while it sleeps. It must never wait for an actor: nobody else would run one that it
/// has woken.
class lent_thread final : public caf::execution_unit {
 public:
  /// How the thread's owner lets actors send it to sleep on the disk.
  struct sleep_rules {
    std::function<bool()> may;                             ///< whether nobody else waits for the thread now
    std::function<void(const std::function<void()>&)> in;  ///< carries out what sleeps
  };
  /// @param run_soon  called when there is something to run: makes the thread call `run` once it is done with what it does now
  /// @param rules     left out, the thread never sleeps
  lent_thread(caf::actor_system& system, std::function<void()> run_soon, sleep_rules rules = {});
  ~lent_thread() override;
  lent_thread(const lent_thread&) = delete;
  lent_thread& operator=(const lent_thread&) = delete;

  /// Puts a message into the receiver's mailbox; if that wakes it, it runs here.
  void send(const caf::strong_actor_ptr& receiver, caf::mailbox_element_ptr message);
  /// Runs what was woken. What has not finished after a few messages, and whoever else was woken by it, goes on in the scheduler.
  /// An errand is carried out last.
  void run();
  /// For actors: carries out `errand`, which may sleep, on the lent thread that they run on, once all of them have run.
  /// @returns false if they run on none, or it may not sleep now: `errand` is not taken
  [[nodiscard]] static bool sleep_later(std::function<void()> errand);

  void exec_later(caf::resumable* actor) override;

 private:
  std::function<void()> run_soon_;
  sleep_rules sleep_;
  std::function<void()> errand_;
  std::vector<caf::resumable*> woken_;  // each with a reference
  bool is_running_ = false;
};

}  // namespace troupe::actors
