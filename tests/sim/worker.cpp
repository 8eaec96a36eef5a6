#include "sim/worker.hpp"

#include "sim/life.hpp"
#include "sim/world.hpp"

#include <fmt/format.h>

namespace troupe::sim {

using model::attempt_failure;
using model::failure_cause;
namespace ports = model::ports;

worker::~worker() {
  if (task_) in_.judge.attempt_left(*task_);
}

bool worker::is_ill() const { return in_.line.now() < in_.troubles.workers_ill_until; }

void worker::later(duration wait, std::function<void()> what) {
  of_.later(wait, [this, process = process_, what = std::move(what)] {
    if (is_alive_ && process_ == process) what();
  });
}

void worker::say(ports::worker_event what) { of_.worker_said(slot_.index, model::slot_event::worker{std::move(what)}); }

void worker::start() {
  if (is_alive_) throw violation{"I7", fmt::format("{} starts a second worker", to_string(slot_))};
  const bool is_hard = !in_.is_healed() && in_.dice.chance(is_ill() ? 300 : in_.how.bad_starts);
  if (is_hard && in_.dice.chance(300)) {
    of_.worker_said(slot_.index, model::slot_event::start_failed{error{errc::process_failed, "no process for a worker"}});
    return;
  }
  ++process_;
  is_alive_ = true;
  is_ready_ = is_killed_ = false;
  if (!is_hard) return later(in_.dice.between(5ms, 300ms), [this] { be_born(); });
  switch (in_.dice.below(3)) {
    case 0: return later(in_.dice.between(1ms, 2s), [this] { die("it died at its start"); });
    case 1: return later(in_.dice.between(9500ms, 10500ms), [this] { be_born(); });  // about when patience ends
    default: return;                                                                 // never says a word
  }
}

void worker::be_born() {
  is_ready_ = true;
  say(ports::worker_ready{});
  if (!in_.is_healed() && in_.dice.chance(in_.how.idle_deaths)) {
    later(in_.dice.between(0ms, 3s), [this] {
      if (!task_) die("it died idle");
    });
  }
}

worker::manner worker::draw_manner(const model::task_spec& task) {
  const auto text = nature_of(task.params);
  if (text == nature::bad) return manner::refuses;
  if (text == nature::poisoned) return in_.dice.chance(500) ? manner::crashes : manner::fails;
  if (in_.is_healed() || !in_.dice.chance(is_ill() ? 600 : in_.how.worker_trouble)) return manner::done;
  switch (in_.dice.below(8)) {
    case 0: return manner::done_twice;
    case 1: return manner::done_and_dies;
    case 2:
    case 3: return manner::fails;
    case 4:
    case 5: return manner::crashes;
    case 6: return manner::hangs;
    default: return manner::is_slow;
  }
}

void worker::run(const model::task_spec& task) {
  if (!is_alive_) return;  // it died while the order was on its way; its end has been told
  if (!is_ready_ || task_) throw violation{"I7", fmt::format("{} gets a task while its worker is not free", to_string(slot_))};
  in_.judge.attempt_begins(task, slot_);
  task_ = task;
  ++runs_;
  ++in_.counts.attempts;
  const auto how = draw_manner(task);
  const auto quick = in_.is_healed() ? duration{300ms} : in_.how.work_most;
  const auto takes = how == manner::is_slow ? in_.dice.between(5s, 25s) : in_.dice.between(10ms, quick);
  show_progress(runs_, 0);
  later(takes, [this, how, number = runs_] {
    if (task_ && runs_ == number) end_attempt(how);
  });
}

void worker::show_progress(std::uint64_t number, std::uint32_t permille) {
  if (!task_ || runs_ != number || is_killed_) return;
  model::attempt_progress progress;
  progress.permille = permille;
  say(ports::worker_progress{task_->attempt, task_->task, progress});
  later(in_.dice.between(300ms, 1s), [this, number, permille] {
    show_progress(number, std::min(1000u, permille + static_cast<std::uint32_t>(in_.dice.below(200))));
  });
}

void worker::end_attempt(manner how) {
  switch (how) {
    case manner::done:
    case manner::done_twice:
    case manner::done_and_dies:
    case manner::is_slow: return finish_done(how);
    case manner::hangs: ++runs_; return;  // still has its task, but never says anything again
    case manner::crashes: return die("signal 11");
    case manner::fails:
    case manner::refuses: {
      const auto cause = how == manner::fails ? failure_cause::failed : failure_cause::bad_input;
      const auto task = *std::exchange(task_, std::nullopt);
      in_.judge.attempt_left(task);
      say(ports::worker_failed{task.attempt, task.task, attempt_failure{cause, "the tool said no", "stderr"}});
    }
  }
}

void worker::finish_done(manner how) {
  const auto task = *std::exchange(task_, std::nullopt);
  in_.judge.attempt_left(task);
  model::attempt_result made;
  made.outputs = {{"value", work(task.stage_name, task.params)}, {"by", signature(task.attempt, slot_)}};
  in_.judge.attempt_made(task, made.outputs);
  const ports::worker_done done{task.attempt, task.task, made};
  say(done);
  if (how == manner::done_twice) later(in_.dice.between(0ms, 4s), [this, done] { say(done); });
  if (how == manner::done_and_dies || (!in_.is_healed() && in_.dice.chance(in_.how.idle_deaths))) {
    later(in_.dice.between(0ms, 20ms), [this] {
      if (!task_) die("it died after its task");
    });
  }
}

void worker::stop() {
  if (!is_alive_ || (!in_.is_healed() && in_.dice.chance(100))) return;  // does not listen
  later(in_.dice.between(1ms, 500ms), [this] {
    if (!task_) die("it was asked to end");
  });
}

void worker::kill() {
  if (!is_alive_ || is_killed_) return;
  is_killed_ = true;
  // What it said before the signal may still be on its way.
  if (!is_ready_ && in_.dice.chance(500)) {
    is_ready_ = true;
    say(ports::worker_ready{});
  } else if (task_ && in_.dice.chance(300)) {
    finish_done(manner::done);
  }
  later(in_.dice.between(1ms, 300ms), [this] { die("signal 9"); });
}

void worker::die(const char* how) {
  is_alive_ = is_ready_ = false;
  ports::worker_exited end{how, std::nullopt};
  if (task_) {
    in_.judge.attempt_left(*task_);
    if (in_.dice.chance(500)) end.failure = attempt_failure{failure_cause::crashed, how, "last words"};
    task_.reset();
  }
  say(std::move(end));
}

}  // namespace troupe::sim
