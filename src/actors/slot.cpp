#include "actors/slot.hpp"

#include "actors/fatal.hpp"
#include "actors/timer.hpp"
#include "actors/watched.hpp"
#include "base/log.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace troupe::actors {
namespace {

/// The shell of `model::slot_machine`.
struct slot_state {
  static inline const char* name = "troupe.slot";

  slot_state(slot_actor::pointer self, slot_parts parts) : self_(self), parts_(std::move(parts)), machine_(parts_.options) {
    end_node_on_exception(self_, parts_.on_fatal);
  }

  slot_actor::behavior_type make_behavior() {
    self_->send(self_, wake{});
    return {[this](worker_told& fact) { on_worker(fact); },
            [this](task_granted& fact) {
              step(model::slot_event::granted{fact.what.ask, std::move(fact.what.task)});
            },
            [this](const attempt_revoked& fact) {
              step(model::slot_event::revoked{fact.what.task, fact.what.attempt});
            },
            [this](const report_taken& fact) {
              step(model::slot_event::finish_answered{fact.what.task, fact.what.attempt});
            },
            [this](const stop_slot& command) { step(model::slot_event::stop{command.at}); },
            [this](const wake&) {
              timer_.fired();
              step(model::slot_event::tick{});
            }};
  }

  void on_worker(worker_told& fact) {
    if (std::holds_alternative<model::ports::worker_exited>(fact.what)) worker_.reset();
    step(model::slot_event::worker{std::move(fact.what)});
  }

  void step(const model::slot_event::any& event) { carry_out(machine_.step(event, parts_.clock->now())); }

  void carry_out(model::slot_effects effects) {
    if (effects.run) {
      parts_.worker->takes_from(party::slot);
      worker_->run(*effects.run);
    }
    if (effects.kill_worker && worker_) worker_->kill();
    if (effects.stop_worker && worker_) worker_->stop();
    if (effects.ask) {
      effects.ask->kind = parts_.kind();
      self_->send(parts_.shard, slot_asks{*effects.ask, self_, open_reports()});
    }
    if (effects.heartbeat) self_->send(parts_.shard, slot_beats{*effects.heartbeat, self_});
    for (auto& finish : effects.finish) self_->send(parts_.shard, slot_reports{std::move(finish), self_});
    tell_node(effects.stopped);
    if (effects.stopped) {
      self_->quit();
      return;
    }
    timer_.want(self_, effects.wake_at, parts_.clock->now());
    if (effects.start_worker) start_worker();
  }

  std::vector<model::attempt_ref> open_reports() const {
    return parts_.options.shards.shards() == 1 ? std::vector<model::attempt_ref>{} : machine_.open_reports();
  }

  void start_worker() {
    const auto on_event = [to = slot_actor{self_}](model::ports::worker_event what) {
      const speaking_as worker{party::worker};
      caf::anon_send(to, worker_told{std::move(what)});
    };
    auto started = parts_.host->start(parts_.options.self.index, on_event);
    if (started) {
      worker_ = std::move(*started);
      parts_.worker->writes_to(worker_->log());
      return;
    }
    if (const auto& why = started.error(); why.retry_after)
      return step(model::slot_event::put_off{why.detail, std::chrono::duration_cast<duration>(*why.retry_after)});
    log::error("worker_start_failed", "slot={} reason=\"{}\"", to_string(parts_.options.self), started.error().detail);
    step(model::slot_event::start_failed{started.error()});
  }

  void tell_node(bool stopped) {
    slot_view view;
    view.index = parts_.options.self.index;
    view.state = phase_name();
    if (const auto& task = machine_.current()) {
      view.task = task->task;
      view.stage = task->stage_name;
      view.attempt = task->attempt.raw();
      view.permille = machine_.progress().permille;
    }
    view.tasks_done = machine_.tasks_done();
    view.worker_starts = machine_.worker_starts();
    view.device = parts_.device;
    view.why_closed = machine_.closed_because();
    if (view == told_ && !stopped) return;
    show(view);
    told_ = view;
    self_->send(parts_.node, slot_changed{std::move(view), stopped});
  }

  /// On the roll.
  void show(const slot_view& view) {
    std::optional<activity> doing;
    if (view.task) {
      if (view.task != told_.task || view.attempt != told_.attempt) began_ = parts_.clock->now();
      doing = {view.task->job, machine_.current()->pipeline, view.stage, view.task->instance, view.attempt, view.permille,
               began_};
    }
    parts_.stands->is_now(view.state, doing);
    parts_.worker->is_now(machine_.where() == model::slot_machine::phase::starting ? "starting" : worker_ ? "up" : "gone", doing);
    parts_.worker->has_started_again(view.worker_starts > 0 ? view.worker_starts - 1 : 0);
  }

  const char* phase_name() const {
    if (machine_.is_stopping()) return "stopping";
    switch (machine_.where()) {
      case model::slot_machine::phase::starting: return machine_.closed_because().empty() ? "starting" : "closed";
      case model::slot_machine::phase::asking: return "idle";
      case model::slot_machine::phase::running: return "running";
      case model::slot_machine::phase::stopped: return "stopped";
    }
    return "unknown";
  }

  slot_actor::pointer self_;
  slot_parts parts_;
  model::slot_machine machine_;
  lazy_timer timer_;
  slot_view told_;     // to the node
  timestamp began_{};  // what it runs
  std::unique_ptr<model::ports::worker_handle> worker_;
};

}  // namespace

slot_actor spawn_slot(caf::actor_system& system, actor_roll& roll, slot_parts parts) {
  const auto name = fmt::format("slot-{}", parts.options.self.index);
  auto stands = roll.enter(party::slot, name, "node");
  parts.stands = stands;
  parts.worker = roll.enter(party::worker, fmt::format("worker-{}", parts.options.self.index), name);
  return spawn_watched<slot_actor, slot_state>(system, std::move(stands), std::move(parts));
}

}  // namespace troupe::actors
