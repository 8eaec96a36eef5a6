#pragma once

#include "model/slot.hpp"

#include <doctest/doctest.h>

// What the tests of slots share: a slot, a clock, and short words for what happens to it.
namespace troupe::model::testing {

inline constexpr slot_id some_slot{node_id{1}, incarnation{4}, 2};

inline task_spec a_task(std::uint64_t job = 1, std::uint32_t attempt = 1) {
  task_spec task;
  task.task = {job_id{job}, 0, 0};
  task.attempt = attempt_no{attempt};
  task.stage_name = "make";
  task.kind = stage_kind::media_still;
  task.timeout = 60s;
  return task;
}

inline attempt_result a_result() { return {{{"clip", "x"}}, {}}; }

/// A slot under a clock that the test moves.
struct slot_under_test {
  slot_machine machine{slot_options{.self = some_slot, .offer = {{"gpu"}, 2}}};
  timestamp now = from_unix_ms(1'700'000'000'000);

  slot_effects step(const slot_event::any& what) { return machine.step(what, now); }
  slot_effects tick(duration later = 0ms) {
    now += later;
    return step(slot_event::tick{});
  }
  slot_effects worker(ports::worker_event what) { return step(slot_event::worker{std::move(what)}); }
  slot_effects ready() { return worker(ports::worker_ready{}); }
  slot_effects exited() { return worker(ports::worker_exited{"signal 9", std::nullopt}); }
  slot_effects grant(const task_spec& task, std::uint64_t ask = 1) { return step(slot_event::granted{ask, task}); }
  slot_effects done(const task_spec& task) { return worker(ports::worker_done{task.attempt, task.task, a_result()}); }
  slot_effects progress(const task_spec& task, std::uint32_t permille) {
    attempt_progress seen;
    seen.permille = permille;
    return worker(ports::worker_progress{task.attempt, task.task, seen});
  }
  slot_effects answered(const task_spec& task) { return step(slot_event::finish_answered{task.task, task.attempt}); }
  slot_effects revoked(const task_spec& task) { return step(slot_event::revoked{task.task, task.attempt}); }
  slot_effects stop(duration patience) { return step(slot_event::stop{now + patience}); }
  [[nodiscard]] slot_machine::phase where() const { return machine.where(); }

  /// Started, hello said, ask number 1 open. The worker has lived long enough to count as one that can.
  static slot_under_test asking() {
    slot_under_test slot;
    slot.tick();
    slot.ready();
    slot.now += 2s;
    return slot;
  }
  static slot_under_test running(const task_spec& task = a_task()) {
    auto slot = asking();
    slot.grant(task);
    return slot;
  }
};

inline failure_cause cause_of(const slot_finish& finish) { return std::get<attempt_failure>(finish.outcome).cause; }

}  // namespace troupe::model::testing
