#include "sim/oracle.hpp"

#include "sim/life.hpp"
#include "sim/world.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

// What is checked while the node runs. The end stands in oracle_end.cpp.
namespace troupe::sim {
namespace {

namespace json = model::json;
using model::failure_cause;

std::string text_at(const json::object& data, const char* name) {
  const auto* value = data.if_contains(name);
  return value && value->is_string() ? std::string{value->get_string()} : std::string{};
}

std::uint64_t number_at(const json::object& data, const char* name) {
  const auto* value = data.if_contains(name);
  return value ? value->to_number<std::uint64_t>() : 0;
}

std::string name_of(const model::job_event& event) {
  return fmt::format("job {} revision {} ({})", event.job.text(), event.revision, event.type);
}

std::uint64_t hash_of(const model::job_event& event) {
  const auto mix = [](std::uint64_t sum, std::uint64_t value) { return (sum ^ value) * 0x9e3779b97f4a7c15u ^ sum >> 29; };
  const auto type = std::hash<std::string>{}(event.type);
  return mix(mix(type, static_cast<std::uint64_t>(to_unix_ms(event.at))), std::hash<std::string>{}(json::serialize(event.data)));
}

// Why a leader counts an attempt as lost.
constexpr std::string_view silent = "no sign of life", ended = "nobody listens";

}  // namespace

void oracle::node_started(const host& which, const model::table_limits& limits) {
  for (const auto& [key, slot] : in_workers_) TROUPE_REQUIRE(slot.node != which.id(), "I7", "a worker outlived its node");
  limits_ = limits;
  replicas_[which.index()] = {limits, which.drive.applied().index.raw(), false, {}, {}, {}};
}

void oracle::before_step(const host& which, const std::vector<replica::event::any>& events, timestamp now) {
  const auto& at = replicas_.at(which.index());
  if (!at.is_ready) return;
  for (const auto& event : events) {
    const auto* beat = std::get_if<replica::event::heartbeat>(&event);
    const auto* got = std::get_if<replica::event::received>(&event);
    const auto* sent = got ? std::get_if<model::slot_heartbeat>(&got->what.what) : nullptr;
    if (beat) sent = &beat->beat;
    if (sent) heard(at, {sent->task, sent->attempt}, now);
  }
}

void oracle::heard(const replica_record& at, const attempt_key& key, timestamp now) { contacts_[key] = {at.at, now}; }

void oracle::after_step(host& which, const replica::effects& out, timestamp now) {
  auto& at = replicas_.at(which.index());
  const auto& node = which.node()->machine();
  which.drive.will_write(out.persist);
  see_applied(which, at);
  see_leader(which, at, now);
  check_members(out);
  peak_active_ = in_.how.nodes > 1 ? std::max(peak_active_, active_) : active_;
  for (const auto& event : out.events) {
    see(event);
    if (at.is_ready && event.type == "attempt_started") heard(at, key_of(jobs_.at(event.job), event), now);
  }
  for (const auto& progress : out.progress) check_progress(at, progress);
  for (const auto& grant : out.grants) {
    const auto job = jobs_.find(grant.task.task.job);
    TROUPE_REQUIRE(job != jobs_.end(), "D6", "a grant whose attempt has not been committed");
  }
  if (!at.is_ready) return;
  check_proposals(which, at, out, now);
  TROUPE_REQUIRE(node.table().limits() == at.limits, "limits", "the table decides by other limits than the node was given");
}

void oracle::see(const model::job_event& event) {
  in_.told.note(in_.line.now(), "event", event.job.raw(), event.revision, event.type.size());
  const auto hash = hash_of(event);
  auto found = jobs_.find(event.job);
  if (found != jobs_.end() && event.revision <= found->second.events.size()) {
    TROUPE_REQUIRE(found->second.events[event.revision - 1] == hash, "I5", name_of(event) + " was something else before");
    return;
  }
  if (event.type == "submitted") {
    see_submitted(event);
    found = jobs_.find(event.job);
  }
  TROUPE_REQUIRE(found != jobs_.end(), "I5", name_of(event) + " is of no submitted job");
  auto& job = found->second;
  TROUPE_REQUIRE(event.revision == job.events.size() + 1, "I5", name_of(event) + " leaves a gap");
  TROUPE_REQUIRE(!job.has_ended(), "I2", name_of(event) + " comes after the end: " + job.ended_as);
  job.events.push_back(hash);
  TROUPE_REQUIRE(job.must_end_as.empty() || event.type == job.must_end_as, "I6",
                 name_of(event) + " where the job had to end as " + job.must_end_as);
  if (event.type == "attempt_started") return see_started(job, event);
  if (event.type == "stage_done") return see_done(job, event);
  if (event.type == "attempt_failed") return see_failed(job, event);
  if (event.type != "submitted" && event.type != "stage_skipped") see_end(job, event);
}

void oracle::see_submitted(const model::job_event& event) {
  const auto made = submissions_.find(event.job);
  TROUPE_REQUIRE(made != submissions_.end(), "I4", name_of(event) + " was asked for by nobody");
  TROUPE_REQUIRE(event.revision == 1, "I5", name_of(event) + " is not the first");
  const auto& want = made->second.want;
  if (want.key) {
    const std::pair at{want.tenant, *want.key};
    if (const auto owner = key_owners_.find(at); owner != key_owners_.end()) {
      const auto& before = jobs_.at(owner->second);
      TROUPE_REQUIRE(before.keep_until && event.at >= *before.keep_until, "I4",
                     fmt::format("key {} of {} made job {} while it had made job {}", *want.key, want.tenant, event.job.text(),
                                 owner->second.text()));
    }
    key_owners_[at] = event.job;
  }
  jobs_[event.job].made = &made->second;
  ++in_.counts.jobs;
  peak_active_ = std::max(peak_active_, ++active_);
}

oracle::attempt_key oracle::key_of(const job_history& job, const model::job_event& event) const {
  const auto& stages = pipelines().pipelines[job.made->want.pipeline]->stages;
  const auto stage = text_at(event.data, "stage");
  for (std::uint16_t s = 0; s < stages.size(); ++s) {
    if (stages[s].name != stage) continue;
    const auto instance = static_cast<std::uint16_t>(number_at(event.data, "instance"));
    return {{event.job, s, instance}, model::attempt_no{static_cast<std::uint32_t>(number_at(event.data, "attempt"))}};
  }
  throw violation{"I5", name_of(event) + " is of an unknown stage"};
}

void oracle::see_started(job_history& job, const model::job_event& event) {
  const auto key = key_of(job, event);
  auto& task = job.tasks[{text_at(event.data, "stage"), key.first.instance}];
  TROUPE_REQUIRE(!task.is_running && !task.is_done, "I3", name_of(event) + " while the task runs or is done");
  check_may_work(event);
  TROUPE_REQUIRE(key.second.raw() == task.last_attempt + 1, "I6", name_of(event) + ": attempts are numbered without gaps");
  const auto& rule = pipelines().pipelines[job.made->want.pipeline]->stages[key.first.stage].retry;
  TROUPE_REQUIRE(task.own < rule.attempts_most, "I6", name_of(event) + " beyond the task's budget");
  task.last_attempt = key.second.raw();
  task.is_running = true;
  task.slot = text_at(event.data, "slot");
}

oracle::task_history& oracle::running_task(job_history& job, const model::job_event& event) {
  auto& task = job.tasks[{text_at(event.data, "stage"), number_at(event.data, "instance")}];
  TROUPE_REQUIRE(task.is_running, "I3", name_of(event) + " of a task that does not run");
  TROUPE_REQUIRE(number_at(event.data, "attempt") == task.last_attempt, "I3",
                 name_of(event) + " of another attempt than the running one");
  task.is_running = false;
  return task;
}

void oracle::see_done(job_history& job, const model::job_event& event) {
  auto& task = running_task(job, event);
  task.is_done = true;
  const auto key = key_of(job, event);
  const auto made = made_.find(key);
  TROUPE_REQUIRE(made != made_.end(), "I3", name_of(event) + ", but no worker made a result in this attempt");
  const auto& outputs = event.data.at("outputs").as_object();
  TROUPE_REQUIRE(made->second == outputs, "I3",
                 fmt::format("{} commits {}, this attempt made {}", name_of(event), json::serialize(outputs),
                             json::serialize(made->second)));
  TROUPE_REQUIRE(reported_[key].contains("done"), "I3", name_of(event) + ", but its slot did not say so");
}

void oracle::see_failed(job_history& job, const model::job_event& event) {
  auto& task = running_task(job, event);
  const auto key = key_of(job, event);
  const auto cause = text_at(event.data, "cause");
  const auto& rule = pipelines().pipelines[job.made->want.pipeline]->stages[key.first.stage].retry;
  if (cause == "bad_input") {
    job.must_end_as = "failed";
  } else if (cause == "node_lost") {
    check_lost(event, task);
    if (++task.node_lost >= limits_.node_lost_most) job.must_end_as = "dead";
  } else if (cause != "handed_back") {
    if (++task.own >= rule.attempts_most) job.must_end_as = "dead";
  }
  if (cause != "node_lost" && cause != "handed_back") {
    TROUPE_REQUIRE(reported_[key].contains(cause), "I6", name_of(event) + ": no slot reported " + cause + " of this attempt");
  }
  contacts_.erase(key);
}

/// A lost attempt is one whose node started anew, or whose slot the leader did not hear for a lease (`check_proposals`).
void oracle::check_lost(const model::job_event& event, const task_history& task) const {
  const auto why = text_at(event.data, "detail");
  if (why.find(silent) != why.npos || why.find(ended) != why.npos) return;
  for (const auto& one : in_.hosts) {
    if (!one->node() || is_removed(one->id())) continue;
    const auto here = to_string(model::slot_id{one->id(), one->node()->boot(), 0});
    TROUPE_REQUIRE(!task.slot.starts_with(here.substr(0, here.rfind('.') + 1)), "I6",
                   fmt::format("{}: counted as lost ({}), but its node is alive", name_of(event), why));
  }
}

void oracle::see_end(job_history& job, const model::job_event& event) {
  job.ended_as = event.type;
  job.ended = event.at;
  job.keep_until = event.at + (event.type == "dead" ? limits_.keep_dead : limits_.keep_finished);
  last_expiry_ = std::max(last_expiry_, *job.keep_until);
  --active_;
  const auto& want = job.made->want;
  if (event.type == "succeeded") {
    ++in_.counts.succeeded;
    TROUPE_REQUIRE(want.text == nature::sound, "end", name_of(event) + " of a job that cannot succeed");
    const auto value = text_at(event.data.at("result").as_object(), "value");
    TROUPE_REQUIRE(value == want.expected, "end",
                   fmt::format("{}: the result is {}, expected {}", name_of(event), value, want.expected));
  } else if (event.type == "cancelled") {
    ++in_.counts.cancelled;
    TROUPE_REQUIRE(cancels_asked_.contains(event.job), "end", name_of(event) + ", which nobody asked for");
  } else if (event.type == "dead") {
    ++in_.counts.dead;
    TROUPE_REQUIRE(job.must_end_as == "dead", "I6", name_of(event) + " before a budget was used up");
  } else {
    TROUPE_REQUIRE(event.type == "failed", "I2", name_of(event) + " is not a known end");
    ++in_.counts.failed;
    check_failure(job, event);
  }
}

void oracle::check_failure(const job_history& job, const model::job_event& event) const {
  const auto cause = text_at(event.data.at("error").as_object(), "cause");
  if (cause == "bad_input") {
    TROUPE_REQUIRE(job.must_end_as == "failed" && job.made->want.text == nature::bad, "end",
                   name_of(event) + " for bad input that was good");
  } else {
    TROUPE_REQUIRE(job.made->due.has_value() && event.at >= *job.made->due, "end",
                   name_of(event) + " for a deadline that has not passed");
  }
}

void oracle::check_progress(replica_record& at, const model::progress_event& progress) {
  const auto& stages = pipelines().pipelines[jobs_.at(progress.job).made->want.pipeline]->stages;
  for (std::uint16_t s = 0; s < stages.size(); ++s) {
    if (stages[s].name != progress.stage) continue;
    auto& shown = at.progress[{{progress.job, s, progress.instance}, progress.attempt}];
    TROUPE_REQUIRE(progress.progress.permille >= shown, "I5",
                   fmt::format("the progress of job {} stage {} falls from {} to {}", progress.job.text(), progress.stage, shown,
                               progress.progress.permille));
    shown = progress.progress.permille;
  }
}

void oracle::will_submit(model::job_id drawn, const wish& want, std::optional<timestamp> due) {
  submissions_[drawn] = {want, due};
}

const oracle::job_history* oracle::find(model::job_id id) const {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : &found->second;
}

bool oracle::may_be_gone(const job_history& job, const replica::machine& node) const {
  return job.keep_until && node.table().log_time() >= *job.keep_until;
}

void oracle::answers_submit(model::job_id drawn, const result<model::submit_outcome>& got, replica::machine& node) {
  const auto& asked = submissions_.at(drawn).want;
  if (got) {
    const auto* job = find(got->id);
    TROUPE_REQUIRE(job, "I1", fmt::format("job {} is acknowledged and was never committed", got->id.text()));
    TROUPE_REQUIRE(got->created == (got->id == drawn), "I4",
                   "an answer names a job that another submission made and says it is new");
    const auto& made = job->made->want;
    TROUPE_REQUIRE(made.tenant == asked.tenant && made.key == asked.key && made.body == asked.body, "I4",
                   "an answer names a job of another request");
    return check_job(node, got->id, 1);
  }
  if (got.error().code == errc::conflict) {
    TROUPE_REQUIRE(asked.key.has_value(), "I4", "a conflict without a key");
    const auto owner = key_owners_.find({asked.tenant, *asked.key});
    TROUPE_REQUIRE(owner != key_owners_.end() && jobs_.at(owner->second).made->want.body != asked.body, "I4",
                   fmt::format("key {} with the same body is refused: {}", *asked.key, to_string(got.error())));
  }
  if (got.error().code == errc::queue_full) {
    TROUPE_REQUIRE(peak_active_ >= limits_.jobs_most, "limits",
                   fmt::format("refused as full with {} jobs of {}", peak_active_, limits_.jobs_most));
  }
}

void oracle::answers_cancel(model::job_id id, const std::string& tenant, const result<model::job_id>& got,
                            replica::machine& node) {
  const auto* job = find(id);
  TROUPE_REQUIRE(job, "I1", "a job that was acknowledged is unknown");
  const bool is_owner = job->made->want.tenant == tenant;
  if (got) {
    TROUPE_REQUIRE(is_owner, "cancel", "a stranger cancels a job");
    TROUPE_REQUIRE(job->ended_as == "cancelled", "I8", "an acknowledged cancellation does not show");
    return check_job(node, id, 1);
  }
  if (got.error().code == errc::conflict)
    TROUPE_REQUIRE(job->has_ended() && job->ended_as != "cancelled", "cancel", "refused without a reason");
  if (got.error().code == errc::not_found)
    TROUPE_REQUIRE(!is_owner || may_be_gone(*job, node), "I1", fmt::format("job {} is lost", id.text()));
}

void oracle::attempt_begins(const model::task_spec& task, const model::slot_id& slot) {
  const attempt_key key{task.task, task.attempt};
  const auto* job = find(task.task.job);
  TROUPE_REQUIRE(job, "D6", "a worker starts what was not committed");
  const auto inserted = in_workers_.emplace(key, slot).second;
  TROUPE_REQUIRE(inserted, "I7", fmt::format("{} attempt {} runs in two workers", to_string(task.task), task.attempt.raw()));
  TROUPE_REQUIRE(!made_.contains(key) && !reported_.contains(key), "I7",
                 fmt::format("{} attempt {} is run a second time", to_string(task.task), task.attempt.raw()));
}

void oracle::attempt_left(const model::task_spec& task) { in_workers_.erase({task.task, task.attempt}); }

void oracle::attempt_made(const model::task_spec& task, const model::json::object& outputs) {
  made_[{task.task, task.attempt}] = outputs;
}

void oracle::slot_reports(const model::slot_finish& finish) {
  const attempt_key key{finish.task, finish.attempt};
  TROUPE_REQUIRE(!in_workers_.contains(key) || in_workers_.at(key) != finish.slot, "I7",
                 fmt::format("{} reports the end of {} while it runs", to_string(finish.slot), to_string(finish.task)));
  const auto* failure = std::get_if<model::attempt_failure>(&finish.outcome);
  reported_[key].insert(failure ? to_string(failure->cause) : "done");
}

}  // namespace troupe::sim
