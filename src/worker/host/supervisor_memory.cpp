#include "base/size_text.hpp"
#include "worker/host/peak_book.hpp"
#include "worker/host/process_tree.hpp"
#include "worker/host/supervisor.hpp"
#include "worker/host/wire.hpp"

#include <fmt/format.h>

// A worker's part of what slots share: memory, and a device.
namespace troupe::worker {
namespace {

using answer = model::memory_ledger::answer;
using model::failure_cause;

constexpr auto drop_patience = std::chrono::seconds{30};
constexpr int learned_most = 16;  // by one attempt

proto::to_worker answer_of(proto::memory_answer::verdict_kind verdict, std::string why = {}) {
  proto::to_worker message;
  message.mutable_memory()->set_verdict(verdict);
  message.mutable_memory()->set_why(std::move(why));
  return message;
}

}  // namespace

std::string worker_loop::too_much(bytes wanted) const {
  if (setting_.place)
    return fmt::format("it needs {} of memory, and all slots of {} share {}", rough_size(wanted), setting_.place->name,
                       rough_size(setting_.memory->now().budget));
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

/// What was learned of the network that the task runs, if it runs one.
void worker_loop::add_peaks(const model::task_spec& task, proto::run_task& to) {
  to.set_on_device(setting_.place != nullptr);
  if (!model::runs_network(task.kind) || !setting_.options.peaks) return;
  const auto* const named = task.params.if_contains("model");
  attempt_->network = fmt::format("{} {}", to.kind(), named && named->is_string() ? named->get_string().c_str() : "");
  const auto budget = setting_.memory->now().budget;
  for (const auto& [shape, size] : setting_.options.peaks->of(setting_.options.networks_on, attempt_->network)) {
    if (size > budget) continue;  // learned when there was more; it may do with less
    auto& peak = *to.add_peaks();
    peak.set_shape(shape);
    peak.set_bytes(size.count());
  }
}

void worker_loop::learn(const proto::task_finished& end) const {
  if (attempt_->network.empty()) return;
  for (int i = 0; i < std::min(end.learned_size(), learned_most); ++i)
    setting_.options.peaks->learn(setting_.options.networks_on, attempt_->network, end.learned(i).shape(),
                                  bytes{end.learned(i).bytes()});
}

/// A device that others have filled, or that is lost to this worker, is not the task's fault. Either way the worker goes, with
/// all that it has there, and the next one starts when the device has room.
bool worker_loop::ends_by_device(const proto::failure& why) {
  const bool is_full = why.cause() == proto::failure::DEVICE_FULL, is_lost = why.cause() == proto::failure::DEVICE_LOST;
  if (!setting_.place || (!is_full && !is_lost)) return false;
  if (is_lost) setting_.place->gate->lost_to(slot_, attempt_->network, why.detail());
  const auto cause = is_lost                                                   ? failure_cause::crashed
                     : setting_.place->gate->is_full_of_others(attempt_->task) ? failure_cause::handed_back
                                                                               : failure_cause::failed;
  kill_tree(fmt::format("{} on {}: {}", is_full ? "no memory" : "lost its device", setting_.place->name, why.detail()), cause);
  return true;
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
  if (attempt_->declared == bytes{0} || setting_.place) return;  // a device's memory is not the machine's
  const auto resident = resident_bytes(process_.pid);
  const bytes used{resident - std::min(resident, attempt_->resident_before)};
  if (used > attempt_->declared)
    kill_tree(fmt::format("it used {} of memory, and its stage declares {} (requires.memory)", rough_size(used),
                          rough_size(attempt_->declared)),
              failure_cause::failed);
}

}  // namespace troupe::worker
