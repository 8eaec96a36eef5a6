#include "persistence/replica/convert.hpp"

#include "base/error.hpp"
#include "model/json_text.hpp"

#include <algorithm>

namespace troupe::replica::convert {
namespace json = model::json;

std::string text_of(const digest& hash) { return {hash.raw().begin(), hash.raw().end()}; }

digest digest_of(const std::string& raw) {
  digest::raw_bytes out{};
  std::copy_n(raw.begin(), std::min(raw.size(), out.size()), out.begin());
  return digest{out};
}

std::string text_of(const json::object& object) { return model::to_json_text(object); }

json::object object_of(const std::string& text) {
  if (text.empty()) return {};
  auto parsed = model::from_json_text(text);
  TROUPE_ASSERT(parsed.is_object(), "this text was one of an object");
  return std::move(parsed.get_object());
}

std::int64_t ms_of(const std::optional<timestamp>& at) noexcept { return at ? to_unix_ms(*at) : 0; }

std::optional<timestamp> time_of(std::int64_t ms) noexcept {
  if (ms == 0) return std::nullopt;
  return from_unix_ms(ms);
}

void put_label(const std::pair<std::string, std::string>& label, proto::label& out) {
  out.set_name(label.first);
  out.set_value(label.second);
}

void put_slot(const model::slot_id& slot, proto::slot_ref& out) {
  out.set_node(slot.node.raw());
  out.set_boot(slot.boot.raw());
  out.set_index(slot.index);
}

model::slot_id slot_of(const proto::slot_ref& slot) {
  return {model::node_id{slot.node()}, model::incarnation{slot.boot()}, static_cast<std::uint16_t>(slot.index())};
}

void put_failure(const model::attempt_failure& failure, proto::failure_record& out) {
  out.set_cause(static_cast<std::uint32_t>(failure.cause));
  out.set_detail(failure.detail);
  out.set_stderr_text(failure.stderr_text);
  for (const auto& hash : failure.missing) out.add_missing(text_of(hash));
}

model::attempt_failure failure_of(const proto::failure_record& failure) {
  model::attempt_failure out{static_cast<model::failure_cause>(failure.cause()), failure.detail(), failure.stderr_text()};
  for (const auto& hash : failure.missing()) out.missing.push_back(digest_of(hash));
  return out;
}

namespace {

void put_task(const model::task_record& task, proto::task_state_record& out) {
  out.set_state(static_cast<std::uint32_t>(task.state));
  out.set_attempt(task.attempt.raw());
  out.set_failures_own(task.failures.own);
  out.set_failures_node_lost(task.failures.node_lost);
  if (task.slot) put_slot(*task.slot, *out.mutable_slot());
  out.set_ask(task.ask);
  out.set_since_ms(to_unix_ms(task.since));
  out.set_not_before_ms(ms_of(task.not_before));
  if (!task.outputs.empty()) out.set_outputs_json(text_of(task.outputs));
}

model::task_record task_of(const proto::task_state_record& record) {
  model::task_record task;
  task.state = static_cast<model::task_state>(record.state());
  task.attempt = model::attempt_no{record.attempt()};
  task.failures = {record.failures_own(), record.failures_node_lost()};
  if (record.has_slot()) task.slot = slot_of(record.slot());
  task.ask = record.ask();
  task.since = from_unix_ms(record.since_ms());
  task.not_before = time_of(record.not_before_ms());
  task.outputs = object_of(record.outputs_json());
  return task;
}

void put_stage(const model::stage_record& stage, proto::stage_state_record& out) {
  out.set_state(static_cast<std::uint32_t>(stage.state));
  for (const auto& task : stage.tasks) put_task(task, *out.add_tasks());
  if (!stage.items.empty()) out.set_items_json(model::to_json_text(stage.items));
  out.set_started_ms(ms_of(stage.started));
  out.set_ended_ms(ms_of(stage.ended));
  out.set_reason(stage.reason);
  if (stage.last_failure) put_failure(*stage.last_failure, *out.mutable_last_failure());
}

model::stage_record stage_of(const proto::stage_state_record& record) {
  model::stage_record stage;
  stage.state = static_cast<model::stage_state>(record.state());
  for (const auto& task : record.tasks()) stage.tasks.push_back(task_of(task));
  if (!record.items_json().empty()) {
    auto items = model::from_json_text(record.items_json());
    TROUPE_ASSERT(items.is_array(), "this text was one of a list");
    stage.items = std::move(items.get_array());
  }
  stage.started = time_of(record.started_ms());
  stage.ended = time_of(record.ended_ms());
  stage.reason = record.reason();
  if (record.has_last_failure()) stage.last_failure = failure_of(record.last_failure());
  return stage;
}

}  // namespace

void put_job(const model::job_record& job, proto::job_state_record& out) {
  out.set_id(job.id.raw());
  out.set_tenant(job.tenant);
  if (job.idempotency_key) out.set_idempotency_key(*job.idempotency_key);
  out.set_request_hash(text_of(job.request_hash));
  out.set_pipeline_name(job.pipeline_name);
  out.set_pipeline_hash(text_of(job.pipeline_hash));
  out.set_priority(job.priority);
  for (const auto& label : job.labels) put_label(label, *out.add_labels());
  out.set_inputs_json(job.inputs.text());
  out.set_created_ms(to_unix_ms(job.created));
  out.set_started_ms(ms_of(job.started));
  out.set_ended_ms(ms_of(job.ended));
  out.set_deadline_ms(ms_of(job.deadline));
  out.set_keep_until_ms(ms_of(job.keep_until));
  out.set_state(static_cast<std::uint32_t>(job.state));
  out.set_revision(job.revision);
  out.set_sequence(job.sequence);
  for (const auto& stage : job.stages) put_stage(stage, *out.add_stages());
  if (!job.result.empty()) out.set_result_json(text_of(job.result));
  if (job.failure) {
    out.mutable_failure()->set_stage(job.failure->stage);
    out.mutable_failure()->set_cause(static_cast<std::uint32_t>(job.failure->cause));
    out.mutable_failure()->set_detail(job.failure->detail);
  }
}

model::job_record job_of(const proto::job_state_record& record) {
  model::job_record job;
  job.id = model::job_id{record.id()};
  job.tenant = record.tenant();
  if (record.has_idempotency_key()) job.idempotency_key = record.idempotency_key();
  job.request_hash = digest_of(record.request_hash());
  job.pipeline_name = record.pipeline_name();
  job.pipeline_hash = digest_of(record.pipeline_hash());
  job.priority = static_cast<std::uint8_t>(record.priority());
  for (const auto& label : record.labels()) job.labels.emplace_back(label.name(), label.value());
  job.inputs = model::packed_object::from_text(record.inputs_json());
  job.created = from_unix_ms(record.created_ms());
  job.started = time_of(record.started_ms());
  job.ended = time_of(record.ended_ms());
  job.deadline = time_of(record.deadline_ms());
  job.keep_until = time_of(record.keep_until_ms());
  job.state = static_cast<model::job_state>(record.state());
  job.revision = record.revision();
  job.sequence = record.sequence();
  for (const auto& stage : record.stages()) job.stages.push_back(stage_of(stage));
  job.result = object_of(record.result_json());
  if (record.has_failure()) {
    job.failure = model::job_failure{record.failure().stage(), static_cast<model::failure_cause>(record.failure().cause()),
                                     record.failure().detail()};
  }
  return job;
}

}  // namespace troupe::replica::convert
