#include "model/table/change.hpp"

#include <algorithm>
#include <stdexcept>

namespace troupe::model {
namespace {

std::shared_ptr<job_record> there(std::shared_ptr<job_record> record) {
  if (!record) throw std::logic_error{"the state names a job that it does not have: it is damaged"};
  return record;
}

}  // namespace

job_table::change::change(table_store& store, std::shared_ptr<job_record> record, timestamp now, apply_effects& out)
    : store_(store), record_(there(std::move(record))), plan_(store.load_pipeline(record_->pipeline_hash)), now_(now), out_(out) {
  TROUPE_ASSERT(plan_ && plan_->stages.size() == record_->stages.size(), "a job's pipeline is kept for the job's life");
}

job_table::change::~change() { store_.save_job(record_); }

void job_table::change::tell(const char* type, json::object data) {
  job_event event{record_->id, ++record_->revision, type, now_, std::move(data)};
  store_.append_event(event);
  out_.events.push_back(std::move(event));
}

/// A stage is what its most active task is.
void refresh(stage_record& stage) {
  const auto any = [&](task_state state) {
    return std::any_of(stage.tasks.begin(), stage.tasks.end(), [&](const task_record& task) { return task.state == state; });
  };
  if (any(task_state::running)) {
    stage.state = stage_state::running;
    stage.reason.clear();
  } else if (any(task_state::ready)) {
    stage.state = stage_state::ready;
    stage.reason = waits_for_slot;
  } else if (any(task_state::backing_off)) {
    stage.state = stage_state::backing_off;
  } else if (any(task_state::lacks_input)) {
    stage.state = stage_state::ready;
    stage.reason = "waits for an input that an earlier stage makes again";
  }
}

evaluation_scope scope_of(const job_record& job, const pipeline& p, const std::vector<json::value>& outputs) {
  return {.p = p, .inputs = job.inputs, .stage_outputs = outputs, .item = nullptr, .item_index = std::nullopt};
}

json::object describe(const stage& s, task_id task, attempt_no attempt) {
  json::object data{{"stage", s.name}};
  if (!s.for_each.empty()) data["instance"] = task.instance;
  if (attempt.raw() != 0) data["attempt"] = attempt.raw();
  return data;
}

}  // namespace troupe::model
