#include "model/table/job_table.hpp"

#include "base/plant.hpp"
#include "model/table/change.hpp"
#include "model/table/node_changes.hpp"

#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace troupe::model {
namespace {

constexpr std::string_view limits_name = "limits";
constexpr std::uint32_t list_scan_most = 1'000;  // records that one list query may look at
constexpr int forget_most = 100;                 // old jobs that one command may erase

std::string limits_text(const table_limits& limits) {
  return json::serialize(json::object{{"jobs_most", limits.jobs_most},
                                      {"ageing_ms", limits.ageing.count()},
                                      {"keep_finished_ms", limits.keep_finished.count()},
                                      {"keep_dead_ms", limits.keep_dead.count()},
                                      {"node_lost_most", limits.node_lost_most}});
}

table_limits limits_from(const std::string& text) {
  const auto parsed = json::parse(text);
  const auto number = [&](const char* name) { return parsed.at(name).to_number<std::int64_t>(); };
  return {.jobs_most = static_cast<std::uint64_t>(number("jobs_most")),
          .ageing = duration{number("ageing_ms")},
          .keep_finished = duration{number("keep_finished_ms")},
          .keep_dead = duration{number("keep_dead_ms")},
          .node_lost_most = static_cast<std::uint32_t>(number("node_lost_most"))};
}

bool matches(const job_record& job, const job_table::list_filter& filter) {
  if (job.tenant != filter.tenant) return false;
  if (filter.state && job.state != *filter.state) return false;
  if (filter.pipeline && job.pipeline_name != *filter.pipeline) return false;
  return !filter.label || std::find(job.labels.begin(), job.labels.end(), *filter.label) != job.labels.end();
}

}  // namespace

job_table::job_table(table_store& store, std::uint32_t shards) : store_(store), queue_(limits_.ageing), shards_(shards) {
  if (const auto stored = store_.load_value(limits_name)) limits_ = limits_from(*stored);
  if (const auto stored = store_.load_value(log_time_name)) log_time_ = from_unix_ms(std::stoll(*stored));
  load_nodes();
  load_pauses();
  load_degradation();
  load_scaling();
  queue_.set_ageing(limits_.ageing);
  store_.each_tenant([this](const std::string& tenant, std::int64_t used) { queue_.restore_used(tenant, used); });
  store_.each_active_job([this](const job_record& job) { index(job); });
  store_.each_ended_job([this](job_id id) { kept_.add(id); });
  first_expiry_ = store_.first_expiry();
}

apply_effects job_table::apply(const stamped_command& entry, std::uint64_t log_index) {
  apply_effects out;
  log_index_ = log_index;
  advance_time(entry.now, out);
  if (auto late = answer_late_change(store_, entry)) {
    out.reply = std::move(*late);
    return out;
  }
  std::visit([&](const auto& body) { on(body, out); }, entry.body);
  return out;
}

void job_table::on(const submit_command& c, apply_effects& out) {
  if (c.idempotency_key) {
    if (const auto known = store_.load_key(c.tenant, *c.idempotency_key)) {
      if (known->request_hash == c.request_hash) {
        out.reply = result<submit_outcome>{submit_outcome{known->job, known->job == c.id}};  // the same id: it came twice
      } else {
        out.reply = result<submit_outcome>{
            error{errc::conflict,
                  fmt::format("the idempotency key was used for another request, which became job {}", known->job.text())}};
      }
      return;
    }
  }
  const bool may_be_known = active_.contains(c.id) || kept_.may_have(c.id);
  if (const auto known = may_be_known ? look_at(c.id) : nullptr;
      known && !(planted(plant::duplicate_applied) && is_final(known->state))) {
    // A command whose outcome its node could not see in time is proposed again.
    if (known->tenant == c.tenant && known->request_hash == c.request_hash)
      out.reply = result<submit_outcome>{submit_outcome{c.id, true}};
    else
      out.reply = result<submit_outcome>{error{errc::conflict, "this job id is taken; draw another one", 0ms}};
    return;
  }
  if (active_.size() >= limits_.jobs_most) {
    out.reply = result<submit_outcome>{
        error{errc::queue_full,
              fmt::format("{} jobs wait or run, which is the limit (queue.limit); try again later", active_.size()), 5s}};
    return;
  }
  if (auto why = why_refused(std::min<std::uint8_t>(c.priority, 9))) {
    out.reply = result<submit_outcome>{*std::move(why)};
    return;
  }
  auto p = store_.load_pipeline(c.pipeline_hash);
  if (!p && c.pipeline_text) {
    store_.save_pipeline(c.pipeline_hash, *c.pipeline_text);
    p = store_.load_pipeline(c.pipeline_hash);
  }
  if (!p) {
    out.reply = result<submit_outcome>{error{errc::internal, "the job's pipeline is not in the log"}};
    return;
  }
  accept(c, std::move(p), out);
}

void job_table::accept(const submit_command& c, std::shared_ptr<const pipeline> p, apply_effects& out) {
  auto record = std::make_shared<job_record>();
  record->id = c.id;
  record->tenant = c.tenant;
  record->idempotency_key = c.idempotency_key;
  record->request_hash = c.request_hash;
  record->pipeline_name = c.pipeline_name;
  record->pipeline_hash = c.pipeline_hash;
  record->priority = std::min<std::uint8_t>(c.priority, 9);
  record->labels = c.labels;
  record->inputs = c.inputs;
  record->created = log_time_;
  record->deadline = c.deadline;
  record->sequence = log_index_;
  record->stages.resize(p->stages.size());
  if (c.idempotency_key) store_.save_key(c.tenant, *c.idempotency_key, {c.id, c.request_hash});
  out.reply = result<submit_outcome>{
      submit_outcome{c.id, true, expected_wait(record->priority), degradation_.of_priority(record->priority)}};
  active_.emplace(c.id, active_job{.priority = record->priority, .deadline = c.deadline});
  count_queued(c.pipeline_name, record->priority);
  if (c.deadline) deadlines_.emplace(*c.deadline, c.id);
  if (queue_.welcome(c.tenant)) store_.save_tenant(c.tenant, queue_.used_by(c.tenant));
  change job{store_, record, log_time_, out};
  auto first = submitted_event(*record);
  job.tell("submitted", std::move(first.data));
  advance(job, out);
  keep_or_drop(record);
}

void job_table::on(const finish_command& c, apply_effects& out) {
  const auto running = running_.find(c.task);
  const bool is_current = running != running_.end() && running->second.attempt == c.attempt;
  const bool is_stale_but_taken = planted(plant::stale_attempt_accepted) && running != running_.end();
  if (!is_current && !is_stale_but_taken) return;  // a late, doubled or fenced-off report
  const auto began = running->second.since;
  change job{store_, record_of(c.task.job), log_time_, out};
  leave_slot(job, c.task, out);
  if (const auto* done = std::get_if<attempt_result>(&c.outcome)) {
    finish_done(job, c.task, *done, out);
  } else {
    const auto& failure = std::get<attempt_failure>(c.outcome);
    finish_failed(job, c.task, failure, out);
    if (!failure.missing.empty() && !is_final(job.job().state)) make_inputs_again(job, c.task, failure, began);
  }
  keep_or_drop(job.shared());
}

void job_table::on(const cancel_command& c, apply_effects& out) {
  const auto record = record_of(c.id);
  if (!record || record->tenant != c.tenant) {
    out.reply = result<job_id>{error{errc::not_found, fmt::format("there is no job {}", c.id.text())}};
    return;
  }
  if (is_final(record->state)) {
    if (record->state == job_state::cancelled) {
      out.reply = result<job_id>{c.id};
    } else {
      out.reply = result<job_id>{
          error{errc::conflict, fmt::format("job {} has already ended: {}", c.id.text(), to_string(record->state))}};
    }
    return;
  }
  change job{store_, record, log_time_, out};
  end_job(job, job_state::cancelled, job_failure{.stage = "", .cause = failure_cause::failed, .detail = c.reason}, out);
  keep_or_drop(record);
  out.reply = result<job_id>{c.id};
}

void job_table::on(const limits_command& c, apply_effects&) {
  limits_ = c.limits;
  queue_.set_ageing(limits_.ageing);
  store_.save_value(limits_name, limits_text(limits_));
}

void job_table::on(const tick_command&, apply_effects&) {}

void job_table::advance_time(timestamp now, apply_effects& out) {
  if (now > log_time_) {
    log_time_ = now;
    store_.save_value(log_time_name, std::to_string(to_unix_ms(log_time_)));
  }
  end_backoffs();
  strike_deadlines(out);
  hand_back_from_draining(out);
  end_degradation_in_time();
  forget_old_jobs();
}

void job_table::end_backoffs() {
  while (!backing_off_.empty() && backing_off_.begin()->first <= log_time_) {
    const auto task = backing_off_.begin()->second;
    backing_off_.erase(backing_off_.begin());
    const auto record = record_of(task.job);
    apply_effects nothing;
    change job{store_, record, log_time_, nothing};
    auto& waiting = job.task_record_of(task);
    waiting.since = log_time_;
    make_ready(job, task);
    refresh(job.stage_record_of(task));
  }
}

void job_table::strike_deadlines(apply_effects& out) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= log_time_) {
    const auto id = deadlines_.begin()->second;
    const auto record = record_of(id);
    change job{store_, record, log_time_, out};
    end_job(job, job_state::failed, job_failure{"", failure_cause::timed_out, "the job's deadline passed before it ended"}, out);
    keep_or_drop(record);
  }
}

void job_table::forget_old_jobs() {
  for (int forgotten = 0; first_expiry_ && first_expiry_->first <= log_time_ && forgotten < forget_most; ++forgotten) {
    const auto record = store_.load_job(first_expiry_->second);
    TROUPE_ASSERT(record, "an expiry belongs to a stored job");
    if (record->idempotency_key) store_.erase_key(record->tenant, *record->idempotency_key);
    store_.erase_job(*record);
    waiting_.forget(record->id);
    ended_.forget(record->id);
    kept_.remove(record->id);
    first_expiry_ = store_.first_expiry();
  }
}

result<job_view> job_table::view(const std::string& tenant, job_id id) {
  const auto record = look_at(id);
  if (!record || record->tenant != tenant) return error{errc::not_found, fmt::format("there is no job {}", id.text())};
  const auto p = store_.load_pipeline(record->pipeline_hash);
  TROUPE_ASSERT(p, "a job's pipeline is kept for the job's life");
  auto view = view_of(*record, *p);
  view.paused = why_paused(*record);
  for (std::size_t i = 0; i < view.stages.size(); ++i) {
    if (view.stages[i].reason != waits_for_slot) continue;
    if (auto why = view.paused.empty() ? why_no_slot(p->stages[i]) : view.paused; !why.empty())
      view.stages[i].reason = std::move(why);
  }
  return view;
}

std::optional<job_life> job_table::life_of(job_id id) {
  const auto record = look_at(id);
  if (!record || !record->ended) return std::nullopt;
  job_life life{record->state, *record->ended - record->created, std::nullopt};
  if (record->started) life.waited = *record->started - record->created;
  return life;
}

result<std::vector<job_event>> job_table::events(const std::string& tenant, job_id id, std::uint64_t after, std::uint32_t limit) {
  const auto record = look_at(id);
  if (!record || record->tenant != tenant) return error{errc::not_found, fmt::format("there is no job {}", id.text())};
  return store_.load_events(id, after, limit);
}

job_table::list_page job_table::list(const list_filter& filter, const std::string& cursor, std::uint32_t limit) {
  list_page page;
  std::uint32_t scanned = 0;
  page.next_cursor = store_.newest_jobs(cursor, [&](const job_record& job) {
    if (matches(job, filter)) {
      page.jobs.push_back(summary_of(job));
      page.jobs.back().paused = why_paused(job);
    }
    return page.jobs.size() < limit && ++scanned < list_scan_most;
  });
  return page;
}

std::optional<timestamp> job_table::next_due() const {
  std::optional<timestamp> due;
  const auto consider = [&](timestamp at) { due = due ? std::min(*due, at) : at; };
  if (!backing_off_.empty()) consider(backing_off_.begin()->first);
  if (!deadlines_.empty()) consider(deadlines_.begin()->first);
  if (first_expiry_) consider(first_expiry_->first);
  if (first_hand_back_) consider(*first_hand_back_);
  if (degradation_.level > 0) consider(degradation_.until);
  return due;
}

void job_table::index(const job_record& job) {
  auto& entry = active_[job.id];
  entry.started = job.started.has_value();
  entry.priority = job.priority;
  entry.deadline = job.deadline;
  count_queued(job.pipeline_name, job.priority);
  if (entry.started) {
    ++jobs_started_;
    count_started(job.pipeline_name, job.priority);
  }
  if (job.deadline) deadlines_.emplace(*job.deadline, job.id);
  const auto record = std::make_shared<job_record>(job);
  const auto p = store_.load_pipeline(job.pipeline_hash);
  TROUPE_ASSERT(p, "a job's pipeline is kept for the job's life");
  for (std::uint16_t s = 0; s < count_of(job.stages); ++s) {
    for (std::uint16_t i = 0; i < count_of(job.stages[s].tasks); ++i) {
      const auto& task = job.stages[s].tasks[i];
      const task_id id{job.id, s, i};
      switch (task.state) {
        case task_state::ready: enqueue(*record, *p, s, i); break;
        case task_state::backing_off: backing_off_.emplace(task.not_before.value_or(timestamp{}), id); break;
        case task_state::running:
          TROUPE_ASSERT(task.slot, "a running task has a slot");
          running_.emplace(id, running_attempt{task.attempt, *task.slot, task.ask, task.since});
          begin_on(*task.slot, id);
          ++entry.running_tasks;
          in_memory_.emplace(job.id, record);
          break;
        case task_state::done:
        case task_state::cancelled:
        case task_state::lacks_input: break;
      }
    }
  }
}

std::shared_ptr<job_record> job_table::remembered(job_id id) {
  if (const auto found = in_memory_.find(id); found != in_memory_.end()) return found->second;
  if (auto touched = waiting_.find(id)) return touched;
  return ended_.find(id);
}

std::shared_ptr<job_record> job_table::record_of(job_id id) {
  if (auto known = remembered(id)) return known;
  const auto loaded = store_.load_job(id);
  if (!loaded) return nullptr;
  auto record = std::make_shared<job_record>(*loaded);
  (is_final(record->state) ? ended_ : waiting_).keep(record);
  return record;
}

/// For whoever only looks: what is not in memory is not taken in.
std::shared_ptr<const job_record> job_table::look_at(job_id id) {
  if (auto known = remembered(id)) return known;
  return store_.load_job(id);
}

void job_table::keep_or_drop(const std::shared_ptr<job_record>& job) {
  const auto found = active_.find(job->id);
  if (found != active_.end() && found->second.running_tasks > 0) {
    in_memory_[job->id] = job;
    waiting_.forget(job->id);
  } else if (is_final(job->state)) {
    in_memory_.erase(job->id);
    waiting_.forget(job->id);
    ended_.keep(job);
  } else {
    in_memory_.erase(job->id);
    waiting_.keep_if_room(job);  // those that came before it are to run before it
  }
}

}  // namespace troupe::model
