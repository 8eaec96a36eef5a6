#include "model/table/job_table.hpp"

// What an operator has paused, and which jobs that is about.
namespace troupe::model {

void job_table::load_pauses() {
  if (const auto stored = store_.load_value(pauses_name)) pauses_ = model::pauses::from_stored(*stored);
  queue_.pause_all(pauses_.holds_everything());
  for (const auto& [of, pause] : pauses_.all())
    if (of) queue_.pause(*of);
}

void job_table::on(const pause_command& c, apply_effects& out) {
  const auto begun = pauses_.begin(c.of, c.reason, log_time_);
  if (!begun) {
    out.reply = result<pause_outcome>{begun.error()};
    return;
  }
  if (c.of)
    queue_.pause(*c.of);
  else
    queue_.pause_all(true);
  store_.save_value(pauses_name, pauses_.stored());
  out.reply = result<pause_outcome>{pause_outcome{*begun}};
}

void job_table::on(const unpause_command& c, apply_effects& out) {
  const bool was_paused = pauses_.end(c.of);
  if (was_paused) store_.save_value(pauses_name, pauses_.stored());
  if (was_paused && c.of) queue_.resume(*c.of);
  if (was_paused && !c.of) queue_.pause_all(false);
  out.reply = result<pause_outcome>{pause_outcome{was_paused}};
}

std::string job_table::why_paused(const job_record& job) const {
  return is_final(job.state) ? std::string{} : pauses_.why(job.pipeline_name);
}

job_table::job_counts job_table::jobs_of(const std::string& pipeline) const {
  const auto found = jobs_of_.find(pipeline);
  return found == jobs_of_.end() ? job_counts{} : found->second;
}

std::uint64_t job_table::jobs_paused() const {
  if (pauses_.holds_everything()) return jobs_queued();
  std::uint64_t sum = 0;
  for (const auto& [of, pause] : pauses_.all()) sum += jobs_of(*of).queued;
  return sum;
}

void job_table::count_queued(const std::string& pipeline, std::uint8_t priority) {
  ++jobs_of_[pipeline].queued;
  ++queued_at_[priority];
}

void job_table::count_started(const std::string& pipeline, std::uint8_t priority) {
  --queued_at_[priority];
  auto& counts = jobs_of_.at(pipeline);
  --counts.queued;
  ++counts.started;
}

void job_table::count_ended(const std::string& pipeline, std::uint8_t priority, bool had_started) {
  if (!had_started) --queued_at_[priority];
  const auto found = jobs_of_.find(pipeline);
  auto& counts = found->second;
  --(had_started ? counts.started : counts.queued);
  if (counts.queued + counts.started == 0) jobs_of_.erase(found);
}

}  // namespace troupe::model
