#include "base/plant.hpp"
#include "model/table/change.hpp"
#include "model/table/job_table.hpp"

#include <fmt/format.h>

#include <algorithm>

// How the tasks of a job come into being, run and end.
namespace troupe::model {
namespace {

constexpr int bad_tasks_most = 100;  // tasks whose parameters cannot be resolved, per assignment

requirement requirement_of(const stage& s) { return {s.labels, s.threads, s.memory, runs_network(s.kind)}; }

}  // namespace

void job_table::enqueue(const job_record& job, const pipeline& p, std::uint16_t stage, std::uint16_t instance) {
  queue_.add({.task = {job.id, stage, instance},
              .pipeline = job.pipeline_name,
              .tenant = job.tenant,
              .priority = job.priority,
              .created = job.created,
              .since = job.stages[stage].tasks[instance].since,
              .deadline = job.deadline,
              .sequence = job.sequence},
             requirement_of(p.stages[stage]));
}

/// Opens every stage whose needs have ended, goes on with those that waited for one to end again, and ends the job when all
/// stages have.
void job_table::advance(change& job, apply_effects& out) {
  for (std::uint16_t s = 0; s < count_of(job.job().stages); ++s) {
    if (is_final(job.job().state)) return;
    if (job.job().stages[s].state != stage_state::waiting) {
      if (const auto going = go_on_with(job, s); !going) {
        job.job().stages[s].state = stage_state::failed;
        end_job(job, job_state::failed, job_failure{job.plan().stages[s].name, failure_cause::input_lost, going.error().detail},
                out);
      }
      continue;
    }
    if (are_needs_there(job, s)) open_stage(job, s, out);
  }
  const bool all_ended = std::all_of(job.job().stages.begin(), job.job().stages.end(), [](const stage_record& stage) {
    return stage.state == stage_state::done || stage.state == stage_state::skipped;
  });
  if (!all_ended || is_final(job.job().state)) return;
  const auto outputs = outputs_of(job.job(), job.plan());
  auto answer = evaluate_result(scope_of(job.job(), job.plan(), outputs));
  if (!answer) {
    end_job(job, job_state::failed, job_failure{"", failure_cause::failed, answer.error().detail}, out);
    return;
  }
  job.job().result = std::move(*answer);
  end_job(job, job_state::succeeded, std::nullopt, out);
}

void job_table::open_stage(change& job, std::uint16_t s, apply_effects& out) {
  const auto& plan = job.plan().stages[s];
  auto& stage = job.job().stages[s];
  const auto outputs = outputs_of(job.job(), job.plan());
  const auto scope = scope_of(job.job(), job.plan(), outputs);
  const auto give_up = [&](const error& why) {
    stage.state = stage_state::failed;
    end_job(job, job_state::failed, job_failure{plan.name, failure_cause::bad_input, why.detail}, out);
  };
  const auto runs = evaluate_when(plan, scope);
  if (!runs) return give_up(runs.error());
  if (!*runs) {
    stage.state = stage_state::skipped;
    stage.reason = plan.when.empty() ? "a stage that it needs was skipped" : fmt::format("its condition is false: {}", plan.when);
    stage.ended = job.now();
    job.tell("stage_skipped", {{"stage", plan.name}, {"reason", stage.reason}});
    return;
  }
  if (!plan.for_each.empty()) {
    auto items = evaluate_for_each(plan, scope);
    if (!items) return give_up(items.error());
    stage.items = std::move(*items);
  }
  stage.tasks.resize(plan.for_each.empty() ? 1 : stage.items.size());
  stage.state = stage_state::ready;
  stage.reason = waits_for_slot;
  for (std::uint16_t i = 0; i < count_of(stage.tasks); ++i) {
    stage.tasks[i].since = job.now();
    enqueue(job.job(), job.plan(), s, i);
  }
  close_stage_if_done(job, s);
}

void job_table::close_stage_if_done(change& job, std::uint16_t s) {
  auto& stage = job.job().stages[s];
  const bool done =
      std::all_of(stage.tasks.begin(), stage.tasks.end(), [](const task_record& t) { return t.state == task_state::done; });
  if (!done) return refresh(stage);
  stage.state = stage_state::done;
  stage.reason.clear();
  stage.ended = job.now();
}

void job_table::on(const assign_command& c, apply_effects& out) {
  if (!is_active(c.slot.node)) return;
  if (const auto busy = running_on_.find(c.slot); busy != running_on_.end()) {
    const auto task = busy->second;
    const auto running = running_.at(task);
    // This ask, or a later one of the slot, has been answered; the leader sends that grant again.
    if (c.ask <= running.ask) return;
    // A slot's last report goes before its next ask (`slot_ask::after`): it never took this attempt up, so nobody is to blame.
    on(finish_command{task, running.attempt,
                      attempt_failure{failure_cause::handed_back, "the slot asked anew before the grant reached it", ""}},
       out);
  }
  const bool is_outrun = planted(plant::pause_outrun) && c.preferred && queue_.contains(*c.preferred);
  if (c.preferred && (is_outrun || queue_.is_for(*c.preferred, c.offer)) && start_task(*c.preferred, c, out)) return;
  for (int tried = 0; tried < bad_tasks_most; ++tried) {
    const auto task = queue_.best_for(c.offer, log_time_);
    if (!task || start_task(*task, c, out)) return;
  }
}

/// @returns false if the job failed instead.
bool job_table::start_task(task_id id, const assign_command& c, apply_effects& out) {
  queue_.remove(id);
  change job{store_, record_of(id.job), log_time_, out};
  auto spec = spec_for(job.job(), job.plan(), id);
  if (!spec) {
    job.stage_record_of(id).state = stage_state::failed;
    end_job(job, job_state::failed, job_failure{job.stage_of(id).name, failure_cause::bad_input, spec.error().detail}, out);
    keep_or_drop(job.shared());
    return false;
  }
  auto& task = job.task_record_of(id);
  auto& stage = job.stage_record_of(id);
  auto& active = active_.at(id.job);
  task.state = task_state::running;
  task.attempt = attempt_no{task.attempt.raw() + 1};
  task.slot = c.slot;
  task.ask = c.ask;
  task.since = log_time_;
  if (!stage.started) stage.started = log_time_;
  refresh(stage);
  if (!active.started) {
    active.started = true;
    ++jobs_started_;
    count_started(job.job().pipeline_name, job.job().priority);
    job.job().started = log_time_;
    job.job().state = job_state::running;
  }
  ++active.running_tasks;
  running_.emplace(id, running_attempt{task.attempt, c.slot, c.ask, log_time_});
  begin_on(c.slot, id);
  auto data = describe(job.stage_of(id), id, task.attempt);
  data["slot"] = to_string(c.slot);
  job.tell("attempt_started", std::move(data));
  keep_or_drop(job.shared());
  spec->attempt = task.attempt;
  out.grants.push_back({c.slot, c.ask, std::move(*spec)});
  return true;
}

result<task_spec> job_table::spec_for(const job_record& job, const pipeline& p, task_id id) const {
  const auto& plan = p.stages[id.stage];
  const auto& stage = job.stages[id.stage];
  const auto outputs = outputs_of(job, p);
  auto scope = scope_of(job, p, outputs);
  if (!plan.for_each.empty()) {
    scope.item = &stage.items.at(id.instance);
    scope.item_index = id.instance;
  }
  TROUPE_TRY(auto params, evaluate_params(plan, scope));
  task_spec spec;
  spec.task = id;
  spec.attempt = stage.tasks[id.instance].attempt;
  spec.pipeline = p.name;
  spec.stage_name = plan.name;
  spec.kind = plan.kind;
  spec.exec = plan.exec;
  spec.inputs = artifacts_in(json::value(params));
  spec.params = std::move(params);
  spec.threads = plan.threads;
  spec.memory = plan.memory;
  spec.timeout = plan.timeout;
  spec.must_advance = plan.must_advance;
  spec.time_limit = plan.time_limit;
  return spec;
}

std::optional<grant> job_table::grant_again(slot_id slot, std::uint64_t ask) {
  const auto busy = running_on_.find(slot);
  if (busy == running_on_.end() || running_.at(busy->second).ask != ask) return std::nullopt;
  const auto record = record_of(busy->second.job);
  const auto p = store_.load_pipeline(record->pipeline_hash);
  TROUPE_ASSERT(p, "a job's pipeline is kept for the job's life");
  auto spec = spec_for(*record, *p, busy->second);
  if (!spec) return std::nullopt;  // a stage that it needs runs again: the lease will end
  return grant{slot, ask, std::move(*spec)};
}

std::optional<std::uint64_t> job_table::served_ask(slot_id slot) const {
  const auto busy = running_on_.find(slot);
  if (busy == running_on_.end()) return std::nullopt;
  return running_.at(busy->second).ask;
}

void job_table::begin_on(slot_id slot, task_id id) {
  running_on_.emplace(slot, id);
  ++tasks_on_[slot.node];
}

void job_table::leave_slot(change& job, task_id id, apply_effects& out) {
  const auto running = running_.find(id);
  const auto slot = running->second.slot;
  out.ended.push_back({id, running->second.attempt, slot});
  queue_.charge(job.job().tenant, log_time_ - running->second.since);
  costs_.add_attempt(log_time_ - running->second.since);
  store_.save_tenant(job.job().tenant, queue_.used_by(job.job().tenant));
  running_on_.erase(slot);
  if (const auto there = tasks_on_.find(slot.node); --there->second == 0) tasks_on_.erase(there);
  running_.erase(running);
  --active_.at(id.job).running_tasks;
  auto& task = job.task_record_of(id);
  task.slot.reset();
  task.since = log_time_;
}

void job_table::finish_done(change& job, task_id id, const attempt_result& done, apply_effects& out) {
  if (const auto checked = check_outputs(job.stage_of(id), done.outputs); !checked) {
    return finish_failed(job, id, {failure_cause::failed, checked.error().detail, ""}, out);
  }
  auto& task = job.task_record_of(id);
  task.state = task_state::done;
  task.outputs = done.outputs;
  close_stage_if_done(job, id.stage);
  auto data = describe(job.stage_of(id), id, task.attempt);
  data["outputs"] = done.outputs;
  job.tell("stage_done", std::move(data));
  advance(job, out);
}

void job_table::finish_failed(change& job, task_id id, const attempt_failure& failure, apply_effects& out) {
  auto& task = job.task_record_of(id);
  auto& stage = job.stage_record_of(id);
  const auto& plan = job.stage_of(id);
  task.failures = counted(task.failures, failure.cause);
  stage.last_failure = failure;
  const auto seed = id.job.raw() ^ (std::uint64_t{id.stage} << 32) ^ (std::uint64_t{id.instance} << 16) ^ task.attempt.raw();
  const auto decision =
      decide_retry(plan.retry, failure.cause, task.failures, limits_.node_lost_most, seed * 0x9e3779b97f4a7c15u >> 16);
  auto data = describe(plan, id, task.attempt);
  data["cause"] = to_string(failure.cause);
  data["detail"] = failure.detail;
  if (decision.what != retry_decision::kind::retry) {
    task.state = task_state::cancelled;
    stage.state = stage_state::failed;
    job.tell("attempt_failed", std::move(data));
    end_job(job, decision.what == retry_decision::kind::fail ? job_state::failed : job_state::dead,
            job_failure{plan.name, failure.cause, failure.detail}, out);
    return;
  }
  if (decision.after > 0ms) {
    task.state = task_state::backing_off;
    task.not_before = log_time_ + decision.after;
    backing_off_.emplace(*task.not_before, id);
    data["retry_at_ms"] = to_unix_ms(*task.not_before);
    stage.reason = failure.missing.empty() ? fmt::format("attempt {} of {} failed ({}), the next one starts after a pause",
                                                         task.failures.own, plan.retry.attempts_most, to_string(failure.cause))
                                           : "an input was not to be had, the next attempt starts after a pause";
  } else {
    make_ready(job, id);
  }
  refresh(stage);
  job.tell("attempt_failed", std::move(data));
}

/// The first command that ends a job comes here; everything that the job still had under way stops.
void job_table::end_job(change& job, job_state state, std::optional<job_failure> why, apply_effects& out) {
  auto& record = job.job();
  for (std::uint16_t s = 0; s < count_of(record.stages); ++s) {
    auto& stage = record.stages[s];
    for (std::uint16_t i = 0; i < count_of(stage.tasks); ++i) {
      auto& task = stage.tasks[i];
      const task_id id{record.id, s, i};
      if (task.state == task_state::done || task.state == task_state::cancelled) continue;
      if (task.state == task_state::running) {
        out.revocations.push_back({*task.slot, id, task.attempt});
        leave_slot(job, id, out);
      }
      queue_.remove(id);
      if (task.not_before) backing_off_.erase({*task.not_before, id});
      task.not_before.reset();
      task.state = task_state::cancelled;
    }
    const bool has_ended =
        stage.state == stage_state::done || stage.state == stage_state::skipped || stage.state == stage_state::failed;
    if (!has_ended) stage.state = stage_state::cancelled;
    if (!stage.ended && stage.started) stage.ended = log_time_;
    stage.reason = stage.state == stage_state::skipped ? stage.reason : "";
  }
  record.state = state;
  record.ended = log_time_;
  record.keep_until = log_time_ + (state == job_state::dead ? limits_.keep_dead : limits_.keep_finished);
  const std::pair expiry{*record.keep_until, record.id};
  if (!first_expiry_ || expiry < *first_expiry_) first_expiry_ = expiry;
  if (record.deadline) deadlines_.erase({*record.deadline, record.id});
  const bool had_started = active_.at(record.id).started;
  if (had_started) --jobs_started_;
  if (had_started) costs_.add_end();
  count_ended(record.pipeline_name, record.priority, had_started);
  json::object data;
  if (state == job_state::succeeded) data["result"] = record.result;
  if (why) data["error"] = {{"stage", why->stage}, {"cause", to_string(why->cause)}, {"detail", why->detail}};
  record.failure = std::move(why);
  job.tell(to_string(state), std::move(data));
  active_.erase(record.id);
  kept_.add(record.id);
}

}  // namespace troupe::model
