#include "model/slot.hpp"

#include "base/plant.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace troupe::model {
namespace {
constexpr duration restart_pause_first = 100ms;
constexpr duration quick_death = 1s;  // a worker that lived shorter counts as one that cannot start
}  // namespace

slot_effects slot_machine::step(const slot_event::any& event, timestamp now) {
  out_ = {};
  now_ = std::max(now, now_);
  if (phase_ != phase::stopped) {
    std::visit([this](const auto& e) { on(e); }, event);
    schedule();
  }
  return std::move(out_);
}

void slot_machine::on(const slot_event::tick&) {}

void slot_machine::on(const slot_event::worker& e) {
  std::visit([this](const auto& what) { on_worker(what); }, e.what);
}

void slot_machine::on(const slot_event::start_failed&) {
  ++quick_deaths_;
  worker_is_gone();
}

void slot_machine::on(const slot_event::put_off& e) {
  if (closed_because_.empty()) {
    --worker_starts_;
    if (ask_no_ > 0) out_.ask = {options_.self, ask_no_, options_.offer, true, {}};  // of the worker before
  }
  closed_because_ = e.why;
  worker_is_gone();
  restart_at_ = now_ + e.again_in;
}

void slot_machine::on(const slot_event::granted& e) {
  const bool wanted = ask_open_ && (e.ask == ask_no_ || planted(plant::grant_for_old_ask)) && worker_ready_ && !stop_at_;
  if (!wanted) {
    if (current_ && is_current(e.task.task, e.task.attempt)) return;  // a repeat of what runs
    if (has_reported(e.task.task, e.task.attempt)) return;            // ... of what has ended
    out_.finish.push_back({options_.self, e.task.task, e.task.attempt,
                           attempt_failure{failure_cause::handed_back, "the grant answered an ask that no longer stands", ""}});
    return;
  }
  ask_open_ = false;
  const auto of = options_.shards.shard_of(e.task.task.job);
  std::erase_if(reports_, [&](const auto& one) { return options_.shards.shard_of(one.what.task.job) == of; });  // before the ask
  current_ = e.task;
  progress_ = {};
  running_since_ = progress_at_ = heartbeat_sent_ = now_;
  killed_for_.reset();
  revoked_ = storing_ = false;
  waiting_since_.reset();
  phase_ = phase::running;
  out_.run = e.task;
}

void slot_machine::on(const slot_event::finish_answered& e) { forget_report(e.task, e.attempt); }

void slot_machine::on(const slot_event::revoked& e) {
  forget_report(e.task, e.attempt);
  if (!is_current(e.task, e.attempt) || revoked_) return;
  revoked_ = true;
  kill({failure_cause::handed_back, "revoked", ""});
}

void slot_machine::on(const slot_event::stop& e) {
  stop_at_ = stop_at_ ? std::min(*stop_at_, e.at) : e.at;
  if (!std::exchange(ask_open_, false)) return;
  out_.ask = {options_.self, ask_no_, options_.offer, true, {}};
}

void slot_machine::on_worker(const ports::worker_ready&) {
  worker_ready_ = true;
  if (!closed_because_.empty()) ++worker_starts_;
  closed_because_.clear();
}

void slot_machine::on_worker(const ports::worker_progress& e) {
  if (!is_current(e.task, e.attempt)) return;
  const bool moved = e.progress.permille > progress_.permille || e.progress.frames_done > progress_.frames_done
                     || e.progress.message != progress_.message;
  const auto permille = std::clamp(e.progress.permille, progress_.permille, 1000u);
  progress_ = e.progress;
  progress_.permille = permille;
  // A stage that hangs keeps its worker alive, which goes on repeating itself.
  if (moved || !current_->must_advance) progress_at_ = now_;
  if (moved) {
    heartbeat_sent_ = now_;
    out_.heartbeat = {options_.self, e.task, e.attempt, current_->stage_name, progress_};
  }
}

void slot_machine::on_worker(const ports::worker_waiting& e) {
  if (!is_current(e.task, e.attempt) || e.is_waiting == waiting_since_.has_value()) return;
  if (e.is_waiting) {
    waiting_since_ = now_;
    return;
  }
  running_since_ += now_ - *waiting_since_;
  progress_at_ = now_;
  waiting_since_.reset();
}

void slot_machine::on_worker(const ports::worker_storing& e) {
  if (is_current(e.task, e.attempt)) storing_ = true;
}

void slot_machine::on_worker(const ports::worker_leaving&) {
  worker_ready_ = false;
  leaving_ = true;
}

void slot_machine::on_worker(const ports::worker_done& e) {
  if (!is_current(e.task, e.attempt) || killed_for_) return;
  ++tasks_done_;
  report(e.result);
}

void slot_machine::on_worker(const ports::worker_failed& e) {
  if (!is_current(e.task, e.attempt) || killed_for_) return;
  ++tasks_done_;
  report(e.failure);
}

void slot_machine::on_worker(const ports::worker_exited& e) {
  if (now_ - started_at_ < quick_death && !current_ && !leaving_) {
    ++quick_deaths_;
  } else {
    quick_deaths_ = 0;
  }
  if (current_) {
    auto failure = e.failure.value_or(attempt_failure{failure_cause::crashed, fmt::format("the worker ended: {}", e.how), ""});
    if (killed_for_) {
      killed_for_->stderr_text = std::move(failure.stderr_text);
      failure = *killed_for_;
    }
    report(std::move(failure));
  }
  worker_is_gone();
}

void slot_machine::start_worker() {
  worker_up_ = true;
  worker_ready_ = leaving_ = false;
  started_at_ = now_;
  restart_at_.reset();
  if (closed_because_.empty()) ++worker_starts_;  // else it is not sure that there will be one
  out_.start_worker = true;
}

void slot_machine::worker_is_gone() {
  worker_up_ = worker_ready_ = false;
  ask_open_ = false;
  killed_for_.reset();
  auto pause = quick_deaths_ == 0 ? duration{0} : restart_pause_first;
  for (std::uint32_t i = 1; i < quick_deaths_ && pause < options_.restart_pause_most; ++i) pause *= 2;
  restart_at_ = now_ + std::min(pause, options_.restart_pause_most);
}

void slot_machine::kill(attempt_failure why) {
  if (killed_for_) return;
  killed_for_ = std::move(why);
  out_.kill_worker = true;
}

void slot_machine::report(std::variant<attempt_result, attempt_failure> outcome) {
  const slot_finish finish{options_.self, current_->task, current_->attempt, std::move(outcome)};
  current_.reset();
  killed_for_.reset();
  phase_ = phase::asking;
  if (revoked_) return;
  out_.finish.push_back(finish);
  if (!planted(plant::stage_done_not_resent)) reports_.push_back({finish, now_});
}

bool slot_machine::has_reported(task_id task, attempt_no attempt) const {
  return std::any_of(reports_.begin(), reports_.end(),
                     [&](const auto& one) { return one.what.task == task && one.what.attempt == attempt; });
}

std::vector<attempt_ref> slot_machine::open_reports() const {
  std::vector<attempt_ref> all;
  for (const auto& one : reports_) all.push_back({one.what.task, one.what.attempt});
  return all;
}

void slot_machine::forget_report(task_id task, attempt_no attempt) {
  std::erase_if(reports_, [&](const auto& one) { return one.what.task == task && one.what.attempt == attempt; });
}

bool slot_machine::is_current(task_id task, attempt_no attempt) const {
  return current_ && current_->task == task && current_->attempt == attempt;
}

void slot_machine::check_limits() {
  if (is_greeting() && now_ - started_at_ >= options_.start_timeout && !killed_for_) {
    kill({failure_cause::crashed, "the worker did not start in time", ""});
  }
  if (!current_ || killed_for_) return;
  if (stop_at_ && now_ >= *stop_at_) {
    kill({failure_cause::handed_back, "the node is shutting down", ""});
  } else if (storing_ || waiting_since_) {  // the time that the node's own disk and memory take is not the attempt's
    return;
  } else if (now_ - progress_at_ >= current_->timeout) {
    kill({failure_cause::hung, fmt::format("no sign of progress for {} s", current_->timeout.count() / 1000.0), ""});
  } else if (current_->time_limit && now_ - running_since_ >= *current_->time_limit) {
    kill({failure_cause::timed_out, fmt::format("over its time limit of {} s", current_->time_limit->count() / 1000.0), ""});
  }
}

void slot_machine::repeat_reports() {
  for (auto& report : reports_) {
    if (now_ - report.sent < options_.report_every) continue;
    out_.finish.push_back(report.what);
    report.sent = now_;
  }
  if (current_ && now_ - heartbeat_sent_ >= options_.report_every) {
    out_.heartbeat = {options_.self, current_->task, current_->attempt, current_->stage_name, progress_};
    heartbeat_sent_ = now_;
  }
  if (ask_open_ && now_ - ask_sent_ >= options_.report_every && !planted(plant::asks_not_repeated)) ask();
}

void slot_machine::ask() {
  ask_sent_ = now_;
  out_.ask = {options_.self, ask_no_, options_.offer, false, {}};
  if (!reports_.empty()) out_.ask->after = attempt_ref{reports_.back().what.task, reports_.back().what.attempt};
}

/// What follows from time and state alone, after every event.
void slot_machine::schedule() {
  check_limits();
  repeat_reports();
  if (stop_at_ && !current_) {
    if (worker_up_ && !stop_sent_) {
      out_.stop_worker = true;
      stop_sent_ = true;
    }
    if (worker_up_ && now_ >= *stop_at_) kill({failure_cause::handed_back, "the worker did not stop in time", ""});
    if (!worker_up_ && (reports_.empty() || now_ >= *stop_at_ + options_.report_every)) {
      phase_ = phase::stopped;
      out_.stopped = true;
      return;
    }
  }
  if (!worker_up_ && !stop_at_) {
    if (!restart_at_ || now_ >= *restart_at_) start_worker();
  }
  if (!current_) phase_ = worker_ready_ ? phase::asking : phase::starting;
  if (worker_ready_ && !killed_for_ && !current_ && !ask_open_ && !stop_at_) {
    ++ask_no_;
    ask_open_ = true;
    ask();
  }
  auto wake = [this](timestamp at) { out_.wake_at = std::min(out_.wake_at, at); };
  for (const auto& report : reports_) wake(report.sent + options_.report_every);
  if (ask_open_ && !planted(plant::asks_not_repeated)) wake(ask_sent_ + options_.report_every);
  if (restart_at_ && !worker_up_ && !stop_at_) wake(*restart_at_);
  if (is_greeting() && !killed_for_) wake(started_at_ + options_.start_timeout);
  if (current_) {
    wake(heartbeat_sent_ + options_.report_every);
    if (!killed_for_ && !storing_ && !waiting_since_) {
      wake(progress_at_ + current_->timeout);
      if (current_->time_limit) wake(running_since_ + *current_->time_limit);
    }
  }
  if (stop_at_) wake(std::max(*stop_at_, now_ + options_.report_every));
}

}  // namespace troupe::model
