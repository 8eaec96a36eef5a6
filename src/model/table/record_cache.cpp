#include "model/table/record_cache.hpp"

#include <utility>

namespace troupe::model {
namespace {

std::size_t size_of(const json::object& object);

std::size_t size_of(const json::value& value) {
  if (const auto* text = value.if_string()) return text->size();
  if (const auto* object = value.if_object()) return size_of(*object);
  std::size_t sum = sizeof(json::value);
  if (const auto* array = value.if_array())
    for (const auto& each : *array) sum += sizeof(json::value) + size_of(each);
  return sum;
}

std::size_t size_of(const json::object& object) {
  std::size_t sum = 0;
  for (const auto& each : object) sum += sizeof(json::key_value_pair) + each.key().size() + size_of(each.value());
  return sum;
}

}  // namespace

bytes record_cache::weight_of(const job_record& job) {
  auto sum = sizeof(job_record) + job.inputs.weight().count() + size_of(job.result);
  for (const auto& [name, value] : job.labels) sum += sizeof(job.labels.front()) + name.size() + value.size();
  for (const auto& stage : job.stages) {
    sum += sizeof(stage_record) + size_of(json::value(stage.items));
    if (stage.last_failure) sum += stage.last_failure->detail.size() + stage.last_failure->stderr_text.size();
    for (const auto& task : stage.tasks) sum += sizeof(task_record) + size_of(task.outputs);
  }
  return bytes{sum};
}

std::shared_ptr<job_record> record_cache::find(job_id id) {
  const auto found = places_.find(id);
  if (found == places_.end()) return nullptr;
  records_.splice(records_.begin(), records_, found->second);
  return records_.front().job;
}

void record_cache::keep(std::shared_ptr<job_record> job) {
  const auto id = job->id;
  forget(id);
  const auto weight = weight_of(*job);
  while (!records_.empty() && !has_room_for(weight)) forget(records_.back().job->id);
  records_.push_front({std::move(job), weight});
  weight_ = weight_ + weight;
  places_.emplace(id, records_.begin());
}

void record_cache::keep_if_room(std::shared_ptr<job_record> job) {
  const bool may_fit = records_.size() < most_ && has_room_for(weight_of(*job));
  if (may_fit || places_.contains(job->id)) keep(std::move(job));
}

bool record_cache::has_room_for(bytes weight) const noexcept {
  return records_.size() < most_ && weight_ + weight <= weight_most_;
}

void record_cache::forget(job_id id) {
  const auto found = places_.find(id);
  if (found == places_.end()) return;
  weight_ = bytes{weight_.count() - found->second->weight.count()};
  records_.erase(found->second);
  places_.erase(found);
}

}  // namespace troupe::model
