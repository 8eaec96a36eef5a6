#include "persistence/replica/affinity.hpp"

#include <algorithm>
#include <utility>

namespace troupe::replica {

void affinity::ran(model::job_id job, model::node_id node) {
  if (young_.size() >= generation_most && !young_.contains(job)) old_ = std::exchange(young_, {});
  young_.insert_or_assign(job, node);
}

bool affinity::is_at_home(model::job_id job, model::node_id node) const {
  for (const auto* jobs : {&young_, &old_})
    if (const auto found = jobs->find(job); found != jobs->end()) return found->second == node;
  return false;
}

bool affinity::may_pass_over(const model::task_id& best) {
  if (std::exchange(passed_over_, best) != best) passes_ = 0;
  return passes_++ < passes_most;
}

std::optional<model::task_id> affinity::choose(std::span<const model::task_id> few, model::node_id node,
                                               const std::set<model::task_id>& taken) {
  const auto home =
      std::ranges::find_if(few, [&](const model::task_id& task) { return !taken.contains(task) && is_at_home(task.job, node); });
  if (home == few.end()) return std::nullopt;
  if (home != few.begin() && !taken.contains(few.front()) && !may_pass_over(few.front())) return std::nullopt;
  return *home;
}

}  // namespace troupe::replica
