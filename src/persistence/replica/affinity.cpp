#include "persistence/replica/affinity.hpp"

#include <utility>

namespace troupe::replica {

void affinity::ran(model::job_id job, model::node_id node) {
  if (young_.size() >= generation_most && !young_.contains(job)) old_ = std::exchange(young_, {});
  young_.insert_or_assign(job, node);
}

std::optional<model::node_id> affinity::home_of(model::job_id job) const {
  for (const auto* jobs : {&young_, &old_})
    if (const auto found = jobs->find(job); found != jobs->end()) return found->second;
  return std::nullopt;
}

bool affinity::may_pass_over(const model::task_id& best, std::size_t kind) {
  auto& [task, passes] = passed_over_[kind];
  if (std::exchange(task, best) != best) passes = 0;
  return passes++ < passes_most;
}

}  // namespace troupe::replica
