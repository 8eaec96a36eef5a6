#pragma once

#include "model/table/job_table.hpp"

namespace troupe::model {

/// One job while a command changes it: counts revisions, journals events, saves the record at the end.
class job_table::change {
 public:
  change(table_store& store, std::shared_ptr<job_record> record, timestamp now, apply_effects& out);
  change(const change&) = delete;
  change& operator=(const change&) = delete;
  /// Saves the record.
  ~change();

  [[nodiscard]] job_record& job() const noexcept { return *record_; }
  [[nodiscard]] const std::shared_ptr<job_record>& shared() const noexcept { return record_; }
  [[nodiscard]] const pipeline& plan() const noexcept { return *plan_; }
  [[nodiscard]] const stage& stage_of(task_id task) const { return plan_->stages[task.stage]; }
  [[nodiscard]] stage_record& stage_record_of(task_id task) const { return record_->stages[task.stage]; }
  [[nodiscard]] task_record& task_record_of(task_id task) const { return record_->stages[task.stage].tasks[task.instance]; }
  [[nodiscard]] timestamp now() const noexcept { return now_; }

  /// A committed step: raises the revision.
  void tell(const char* type, json::object data);

 private:
  table_store& store_;
  std::shared_ptr<job_record> record_;
  std::shared_ptr<const pipeline> plan_;
  timestamp now_;
  apply_effects& out_;
};

/// How many stages a job has, or tasks a stage: pipelines have no more than task ids can name.
[[nodiscard]] inline std::uint16_t count_of(const std::vector<stage_record>& stages) {
  return static_cast<std::uint16_t>(stages.size());
}
[[nodiscard]] inline std::uint16_t count_of(const std::vector<task_record>& tasks) {
  return static_cast<std::uint16_t>(tasks.size());
}

/// A stage is what its most active task is.
void refresh(stage_record& stage);
/// Where a job's expressions are evaluated. All of it outlives the scope; `outputs` as `outputs_of` makes them.
[[nodiscard]] evaluation_scope scope_of(const job_record& job, const pipeline& p, const std::vector<json::value>& outputs);

/// What events say about a task.
[[nodiscard]] json::object describe(const stage& s, task_id task, attempt_no attempt);

}  // namespace troupe::model
