#include "cli/job_progress.hpp"

#include <algorithm>

namespace troupe::cli {
namespace {

std::string cause_text(const json::object& failure) {
  const auto cause = text_at(failure, "cause");
  const auto detail = text_at(failure, "detail");
  return detail.empty() ? cause : cause + ": " + detail;
}

std::optional<duration> eta_at(const json::object& object) {
  const auto ms = number_at(object, "eta_ms");
  return ms && *ms >= 0 ? std::optional{duration{*ms}} : std::nullopt;
}

stage_progress stage_of(const json::object& object) {
  stage_progress stage{.name = text_at(object, "name"), .state = text_at(object, "state")};
  stage.instances = std::max<std::uint64_t>(1, count_at(object, "instances"));
  stage.instances_done = count_at(object, "instances_done");
  stage.attempts = count_at(object, "attempts");
  stage.permille = std::min<std::uint64_t>(1000, count_at(object, "permille"));
  stage.frames_done = count_at(object, "frames_done");
  stage.frames_total = count_at(object, "frames_total");
  stage.eta = eta_at(object);
  stage.message = text_at(object, "message");
  stage.reason = text_at(object, "reason");
  if (const auto* failure = object_at(object, "last_failure")) stage.failed = cause_text(*failure);
  return stage;
}

void apply_progress(stage_progress& stage, const json::object& data) {
  if (stage.state == "done" || stage.state == "skipped") return;  // late news of an attempt that is over
  stage.state = "running";
  if (stage.instances == 1)
    stage.permille = std::min<std::uint64_t>(1000, count_at(data, "permille"));
  else
    stage.permille = std::min<std::uint64_t>(1000, (stage.instances_done * 1000 + count_at(data, "permille")) / stage.instances);
  stage.frames_done = count_at(data, "frames_done");
  stage.frames_total = count_at(data, "frames_total");
  stage.eta = eta_at(data);
  stage.message = text_at(data, "message");
}

void apply_to_stage(stage_progress& stage, const job_event& event) {
  const auto instance = count_at(event.data, "instance");
  stage.instances = std::max(stage.instances, instance + 1);
  if (event.type == "attempt_started") {
    stage.state = "running";
    stage.attempts += 1;
    stage.retry_at_ms.reset();
    stage.reason.clear();
  } else if (event.type == "attempt_failed") {
    stage.state = "backing_off";
    stage.failed = cause_text(event.data);
    stage.retry_at_ms = number_at(event.data, "retry_at_ms");
    stage.eta.reset();
  } else if (event.type == "stage_done") {
    stage.instances_done = std::min(stage.instances, stage.instances_done + 1);
    stage.permille = stage.instances_done * 1000 / stage.instances;
    if (stage.instances_done == stage.instances) stage.state = "done", stage.eta.reset();
  } else if (event.type == "stage_reopened") {
    stage.state = "ready";
    stage.instances_done -= std::min<std::uint64_t>(stage.instances_done, 1);
    stage.permille = stage.instances_done * 1000 / stage.instances;
  } else if (event.type == "stage_skipped") {
    stage.state = "skipped";
    stage.reason = text_at(event.data, "reason");
  }
}

}  // namespace

bool is_final_state(std::string_view state) noexcept {
  return state == "succeeded" || state == "failed" || state == "cancelled" || state == "dead";
}

stage_progress* job_progress::find(std::string_view stage) {
  const auto found = std::find_if(stages.begin(), stages.end(), [stage](const auto& each) { return each.name == stage; });
  return found == stages.end() ? nullptr : &*found;
}

job_progress progress_of(const json::object& job) {
  job_progress progress{.id = text_at(job, "id"), .pipeline = text_at(job, "pipeline"), .state = text_at(job, "state")};
  progress.revision = count_at(job, "revision");
  progress.permille = std::min<std::uint64_t>(1000, count_at(job, "permille"));
  if (const auto* stages = array_at(job, "stages")) {
    for (const auto& stage : *stages) {
      if (stage.is_object()) progress.stages.push_back(stage_of(stage.get_object()));
    }
  }
  return progress;
}

void apply(job_progress& job, const job_event& event) {
  auto* stage = job.find(text_at(event.data, "stage"));
  if (event.revision == 0) {
    if (stage && event.type == "progress" && !is_final_state(job.state)) apply_progress(*stage, event.data);
  } else {
    if (event.revision <= job.revision) return;
    job.revision = event.revision;
    if (is_final_state(event.type))
      job.state = event.type;
    else if (event.type == "attempt_started")
      job.state = "running";
    if (stage) apply_to_stage(*stage, event);
  }
  if (job.state == "succeeded")
    job.permille = 1000;
  else if (!job.stages.empty()) {
    std::uint64_t sum = 0;
    for (const auto& each : job.stages) sum += each.state == "skipped" ? 1000 : each.permille;
    job.permille = std::max(job.permille, sum / job.stages.size());
  }
}

}  // namespace troupe::cli
