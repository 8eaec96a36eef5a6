#include "model/table/job_record.hpp"

#include <algorithm>
#include <array>

namespace troupe::model {
namespace {

constexpr std::array job_state_names = {"queued", "running", "succeeded", "failed", "cancelled", "dead"};

json::value outputs_of_stage(const stage_record& record, const stage& plan) {
  if (record.state == stage_state::skipped) return "skipped";
  if (record.state != stage_state::done) return nullptr;
  if (plan.for_each.empty()) return record.tasks.front().outputs;
  json::object lists;
  for (const auto& output : outputs_of(plan)) {
    json::array values;
    for (const auto& task : record.tasks) {
      const auto* value = task.outputs.if_contains(output.name);
      values.push_back(value ? *value : json::value(nullptr));
    }
    lists[output.name] = std::move(values);
  }
  return lists;
}

stage_view view_of_stage(const stage_record& record, const stage& plan) {
  stage_view view;
  view.name = plan.name;
  view.kind = plan.kind;
  view.state = record.state;
  view.instances = record.tasks.empty() ? 1 : static_cast<std::uint32_t>(record.tasks.size());
  for (const auto& task : record.tasks) {
    view.attempts += task.attempt.raw();
    if (task.state == task_state::done) ++view.instances_done;
  }
  const bool is_over = record.state == stage_state::done || record.state == stage_state::skipped;
  view.progress.permille = is_over ? 1000 : view.instances_done * 1000 / view.instances;
  view.started = record.started;
  view.ended = record.ended;
  view.reason = record.reason;
  view.last_failure = record.last_failure;
  view.outputs = outputs_of_stage(record, plan);
  return view;
}

}  // namespace

const char* to_string(job_state state) noexcept { return job_state_names[static_cast<std::size_t>(state)]; }

std::optional<job_state> job_state_from(std::string_view text) noexcept {
  for (std::size_t i = 0; i < job_state_names.size(); ++i) {
    if (text == job_state_names[i]) return static_cast<job_state>(i);
  }
  return std::nullopt;
}

const char* to_string(stage_state state) noexcept {
  switch (state) {
    case stage_state::waiting: return "waiting";
    case stage_state::ready: return "ready";
    case stage_state::running: return "running";
    case stage_state::backing_off: return "backing_off";
    case stage_state::done: return "done";
    case stage_state::skipped: return "skipped";
    case stage_state::failed: return "failed";
    case stage_state::cancelled: return "cancelled";
  }
  return "unknown";
}

std::vector<json::value> outputs_of(const job_record& record, const pipeline& p) {
  std::vector<json::value> outputs;
  for (std::size_t i = 0; i < record.stages.size(); ++i) outputs.push_back(outputs_of_stage(record.stages[i], p.stages[i]));
  return outputs;
}

job_event submitted_event(const job_record& record) {
  return {record.id, 1, "submitted", record.created, {{"pipeline", record.pipeline_name}}};
}

job_view summary_of(const job_record& record) {
  job_view view;
  view.id = record.id;
  view.tenant = record.tenant;
  view.pipeline = record.pipeline_name;
  view.pipeline_hash = record.pipeline_hash;
  view.state = record.state;
  view.revision = record.revision;
  view.priority = record.priority;
  view.labels = record.labels;
  view.created = record.created;
  view.started = record.started;
  view.ended = record.ended;
  view.deadline = record.deadline;
  view.failure = record.failure;
  const auto over = std::count_if(record.stages.begin(), record.stages.end(), [](const stage_record& stage) {
    return stage.state == stage_state::done || stage.state == stage_state::skipped;
  });
  if (!record.stages.empty())
    view.permille = static_cast<std::uint32_t>(over * 1000 / static_cast<std::int64_t>(record.stages.size()));
  return view;
}

job_view view_of(const job_record& record, const pipeline& p) {
  auto view = summary_of(record);
  view.inputs = record.inputs;
  view.result = record.result;
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < record.stages.size(); ++i) {
    view.stages.push_back(view_of_stage(record.stages[i], p.stages[i]));
    sum += view.stages.back().progress.permille;
  }
  if (!record.stages.empty()) view.permille = sum / static_cast<std::uint32_t>(record.stages.size());
  return view;
}

}  // namespace troupe::model
