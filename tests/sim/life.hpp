#pragma once

#include "model/slot.hpp"
#include "persistence/replica/replica.hpp"
#include "sim/journal.hpp"
#include "sim/timeline.hpp"
#include "sim/worker.hpp"

#include <memory>
#include <vector>

namespace troupe::sim {

class host;
class world;

/// The node from one start to its end: the shells that production has as actors, around the same machines.
class life : public std::enable_shared_from_this<life> {
 public:
  [[nodiscard]] static std::shared_ptr<life> start(world& in, host& on, model::incarnation boot);

  /// Unless this life is over by then.
  void later(duration wait, timeline::action what);
  /// To the shard's mailbox.
  void deliver(replica::event::any what);
  /// A graceful stop: slots get `patience` to finish.
  void stop(duration patience);
  /// The clock jumped.
  void look_at_clock();
  /// Of a worker, after its way through the host.
  void worker_said(std::uint16_t slot, model::slot_event::any what);

  [[nodiscard]] host& on() const noexcept { return on_; }
  [[nodiscard]] replica::machine& machine() noexcept { return *machine_; }
  [[nodiscard]] model::incarnation boot() const noexcept { return boot_; }
  [[nodiscard]] bool is_stopping() const noexcept { return is_stopping_; }

  /// Everything handed over and written, nothing on its way.
  [[nodiscard]] bool is_quiet() const;
  /// Free slots that could run a queued task and have been left waiting too long. @throws violation
  /// @param leader  null while it is not to be expected that slots get work
  void check_no_slot_starves(const replica::machine* leader);
  void check_nothing_piled_up() const;
  /// Of all slots.
  [[nodiscard]] std::size_t open_reports() const;

 private:
  struct seat {
    seat(world& in, life& of, model::slot_options options)
        : machine(options), process(in, of, options.self), self(options.self), offer(options.offer) {}
    model::slot_machine machine;
    worker process;
    model::slot_id self;
    model::slot_offer offer;
    timestamp armed = timestamp::max();  // node time of the next tick
    timestamp link_free{};               // messages of a link keep their order
    timestamp answers_free{};
    timestamp said_free{};
    std::optional<timestamp> starving_since;
    std::uint64_t last_ask = 0;
    std::optional<std::pair<model::task_id, model::attempt_no>> last_run;
    std::optional<model::slot_finish> unanswered;  // of what it ran; a declined grant is told once

    [[nodiscard]] bool machine_reports(const model::slot_finish& finish) const {
      return last_run == std::pair{finish.task, finish.attempt};
    }
    void settle(const model::task_id& task, model::attempt_no attempt) {
      if (last_run != std::pair{task, attempt}) return;
      last_run.reset();
      unanswered.reset();
    }
  };

  life(world& in, host& on, model::incarnation boot);
  void open();
  void step_shard();
  void carry_out(replica::effects out);
  void arm_shard(timestamp wake_at);
  void step_seat(std::uint16_t index, const model::slot_event::any& what);
  void carry_out(seat& at, model::slot_effects out);
  void check_ask(seat& at, const model::slot_ask& ask);
  void check_grant(const seat& at, const model::slot_event::any& what, const model::slot_effects& out) const;
  void check_votes(const std::vector<replica::event::any>& events, const replica::effects& out);
  void arm_seat(seat& at, timestamp wake_at);
  void to_shard(seat& at, replica::event::any what);
  void to_slot(const model::slot_id& to, model::slot_event::any what);
  [[nodiscard]] bool loses(const seat& at);
  void send(seat& at, timestamp& link_free, const timeline::action& what);
  void check_stopped();

  world& in_;
  host& on_;
  model::incarnation boot_;
  std::unique_ptr<replica::machine> machine_;
  journal journal_;
  std::vector<std::unique_ptr<seat>> seats_;
  std::vector<replica::event::any> inbox_;
  bool step_due_ = false;
  timestamp shard_armed_ = timestamp::max();
  raft::hard_state hard_;                  // as of what was handed to the journal
  std::optional<timestamp> heard_leader_;  // of the present term, before this step
  bool is_stopping_ = false;
};

}  // namespace troupe::sim
