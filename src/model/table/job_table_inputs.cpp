#include "model/table/change.hpp"
#include "model/table/job_table.hpp"

#include <fmt/format.h>

#include <algorithm>

// What a task needs was made by an earlier stage and is nowhere any more: that stage runs again, and all that need it wait.
namespace troupe::model {
namespace {

/// A node that does not answer is often back soon; after so many attempts what only it has counts as lost.
constexpr std::uint32_t tries_to_reach = 4;

bool names(const json::object& outputs, const std::vector<digest>& hashes) {
  const auto named = artifacts_in(json::value(outputs));
  return std::ranges::any_of(named, [&](const digest& hash) { return std::ranges::find(hashes, hash) != hashes.end(); });
}

}  // namespace

bool job_table::are_needs_there(const change& job, std::uint16_t stage) {
  return std::ranges::all_of(job.plan().stages[stage].needs, [&](std::uint16_t need) {
    const auto state = job.job().stages[need].state;
    return state == stage_state::done || state == stage_state::skipped;
  });
}

/// A task that may run as far as it itself is concerned.
void job_table::make_ready(change& job, task_id id) {
  auto& task = job.task_record_of(id);
  task.not_before.reset();
  if (!are_needs_there(job, id.stage)) {
    task.state = task_state::lacks_input;
    return;
  }
  task.state = task_state::ready;
  enqueue(job.job(), job.plan(), id.stage, id.instance);
}

/// Lets the tasks run again whose outputs name what is lost, unless they have done so since the attempt that says it `began`.
void job_table::make_inputs_again(change& job, task_id id, const attempt_failure& failure, timestamp began) {
  const auto tries = std::min(tries_to_reach, std::max(limits_.node_lost_most, 2u) - 1);
  if (failure.cause == failure_cause::input_unreachable && job.task_record_of(id).failures.node_lost < tries) return;
  auto& stages = job.job().stages;
  for (std::uint16_t s = 0; s < stages.size(); ++s) {
    for (std::uint16_t i = 0; i < stages[s].tasks.size(); ++i) {
      const auto& task = stages[s].tasks[i];
      if (task.state != task_state::done || task.since > began || !names(task.outputs, failure.missing)) continue;
      run_again(job, {id.job, s, i});
    }
  }
}

/// Its outputs stay until it gives others: what is not lost of them keeps being needed. A task that makes a pause finds out at
/// its end whether it can run.
void job_table::run_again(change& job, task_id id) {
  auto& stages = job.job().stages;
  job.task_record_of(id).since = log_time_;
  stages[id.stage].ended.reset();
  make_ready(job, id);
  refresh(stages[id.stage]);
  job.tell("stage_reopened", describe(job.stage_of(id), id, attempt_no{}));
  for (std::uint16_t s = 0; s < stages.size(); ++s) {
    if (are_needs_there(job, s)) continue;
    for (std::uint16_t i = 0; i < stages[s].tasks.size(); ++i) {
      if (stages[s].tasks[i].state != task_state::ready) continue;
      const task_id other{id.job, s, i};
      queue_.remove(other);
      make_ready(job, other);
    }
    refresh(stages[s]);
  }
}

/// Tasks of an open stage that waited for an input to be made again, if all that it needs is there. What they run for is looked
/// up anew: the stage may have made something else this time.
/// @returns why they cannot run
result<void> job_table::go_on_with(change& job, std::uint16_t s) {
  auto& stage = job.job().stages[s];
  const auto is_waiting = [](const task_record& task) { return task.state == task_state::lacks_input; };
  if (std::ranges::none_of(stage.tasks, is_waiting) || !are_needs_there(job, s)) return {};
  const auto& plan = job.plan().stages[s];
  if (!plan.for_each.empty()) {
    const auto outputs = outputs_of(job.job(), job.plan());
    TROUPE_TRY(auto items, evaluate_for_each(plan, scope_of(job.job(), job.plan(), outputs)));
    if (items.size() != stage.items.size())
      return error{errc::conflict, fmt::format("an earlier stage had to run again and gave {} elements instead of {}",
                                               items.size(), stage.items.size())};
    stage.items = std::move(items);
  }
  for (std::uint16_t i = 0; i < stage.tasks.size(); ++i)
    if (is_waiting(stage.tasks[i])) make_ready(job, {job.job().id, s, i});
  refresh(stage);
  return {};
}

}  // namespace troupe::model
