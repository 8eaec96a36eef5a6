#include "model/table/record_cache.hpp"

#include <utility>

namespace troupe::model {

std::shared_ptr<job_record> record_cache::find(job_id id) {
  const auto found = places_.find(id);
  if (found == places_.end()) return nullptr;
  records_.splice(records_.begin(), records_, found->second);
  return records_.front();
}

void record_cache::keep(std::shared_ptr<job_record> job) {
  forget(job->id);
  if (records_.size() >= most_) forget(records_.back()->id);
  const auto id = job->id;
  records_.push_front(std::move(job));
  places_.emplace(id, records_.begin());
}

void record_cache::forget(job_id id) {
  const auto found = places_.find(id);
  if (found == places_.end()) return;
  records_.erase(found->second);
  places_.erase(found);
}

}  // namespace troupe::model
