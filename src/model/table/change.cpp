#include "model/table/change.hpp"

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

json::object describe(const stage& s, task_id task, attempt_no attempt) {
  json::object data{{"stage", s.name}};
  if (!s.for_each.empty()) data["instance"] = task.instance;
  if (attempt.raw() != 0) data["attempt"] = attempt.raw();
  return data;
}

}  // namespace troupe::model
