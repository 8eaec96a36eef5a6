#include "base/size_text.hpp"
#include "worker/host/process_tree.hpp"
#include "worker/host/supervisor.hpp"
#include "worker/host/wire.hpp"

#include <fmt/format.h>

// A worker's part of the memory that the slots share.
namespace troupe::worker {
namespace {

using answer = model::memory_ledger::answer;
using model::failure_cause;

constexpr auto drop_patience = std::chrono::seconds{30};

proto::to_worker answer_of(proto::memory_answer::verdict_kind verdict, std::string why = {}) {
  proto::to_worker message;
  message.mutable_memory()->set_verdict(verdict);
  message.mutable_memory()->set_why(std::move(why));
  return message;
}

}  // namespace

std::string worker_loop::too_much(bytes wanted) const {
  return fmt::format("it needs {} of memory, and all slots of this node share {} (memory.budget)", rough_size(wanted),
                     rough_size(setting_.memory->now().budget));
}

/// What a stage declares is claimed before the worker hears of it.
/// @returns whether the task may begin; if not, it was refused, or begins later.
bool worker_loop::claim_declared(const model::task_spec& task) {
  if (kept_ > bytes{0}) drop_kept();
  switch (setting_.memory->with([&](auto& ledger) { return ledger.wait_for(slot_, task.memory); })) {
    case answer::granted: return true;
    case answer::never:
      end_claims();
      refuse(task, make_failure(failure_cause::bad_input, "as the stage declares (requires.memory), " + too_much(task.memory)));
      return false;
    default:
      held_back_ = task;
      phase_ = phase::running;
      on_event_(model::ports::worker_waiting{task.attempt, task.task, true});
      return false;
  }
}

void worker_loop::on_claim(const proto::memory_claim& claim) {
  if (!attempt_ || waits_for_memory_) return kill_tree("it spoke nonsense: it claimed memory out of turn");
  const bytes wanted{claim.bytes()};
  if (attempt_->declared > bytes{0}) {
    if (wanted <= attempt_->declared) return send(answer_of(proto::memory_answer::GRANTED));
    return send(
        answer_of(proto::memory_answer::NEVER, fmt::format("it needs {} of memory, and the stage declares {} (requires.memory)",
                                                           rough_size(wanted), rough_size(attempt_->declared))));
  }
  const auto said = setting_.memory->with(
      [&](auto& ledger) { return claim.wait() ? ledger.wait_for(slot_, wanted) : ledger.claim(slot_, wanted); });
  switch (said) {
    case answer::granted: return send(answer_of(proto::memory_answer::GRANTED));
    case answer::busy: return send(answer_of(proto::memory_answer::BUSY));
    case answer::never: return send(answer_of(proto::memory_answer::NEVER, too_much(wanted)));
    case answer::waits:
      waits_for_memory_ = true;
      on_event_(model::ports::worker_waiting{attempt_->attempt, attempt_->task, true});
  }
}

void worker_loop::on_memory(memory_desk::word what) {
  if (killed_ || phase_ == phase::ending) return;
  if (what == memory_desk::word::drop) {
    if (phase_ == phase::idle) drop_kept();  // else it got a task meanwhile; others are asked
    return;
  }
  if (const auto task = std::exchange(held_back_, std::nullopt)) {
    on_event_(model::ports::worker_waiting{task->attempt, task->task, false});
    give(*task);
  } else if (attempt_ && std::exchange(waits_for_memory_, false)) {
    on_event_(model::ports::worker_waiting{attempt_->attempt, attempt_->task, false});
    send(answer_of(proto::memory_answer::GRANTED));
  }
}

/// Others wait for that, so it has its time.
void worker_loop::drop_kept() {
  kept_ = {};
  end_deadline_ = steady::now() + drop_patience;
  ending_because_ = "it did not give up the memory that it kept";
  proto::to_worker drop;
  drop.mutable_drop();
  send(drop);
}

/// The attempt holds nothing any more; the worker may keep something.
void worker_loop::end_claims() {
  waits_for_memory_ = false;
  setting_.memory->with([&](auto& ledger) { ledger.end_attempt(slot_, kept_, kept_worth_); });
}

void worker_loop::on_kept(const proto::memory_kept& now) {
  kept_ = bytes{now.bytes()};
  kept_worth_ = duration{static_cast<std::int64_t>(now.worth_ms())};
}

/// A program does not claim: what it takes beyond what its stage declares is seen by looking.
void worker_loop::check_memory() {
  if (attempt_->declared == bytes{0}) return;
  const auto resident = resident_bytes(process_.pid);
  const bytes used{resident - std::min(resident, attempt_->resident_before)};
  if (used > attempt_->declared)
    kill_tree(fmt::format("it used {} of memory, and its stage declares {} (requires.memory)", rough_size(used),
                          rough_size(attempt_->declared)),
              failure_cause::failed);
}

}  // namespace troupe::worker
