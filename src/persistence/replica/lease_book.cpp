#include "persistence/replica/lease_book.hpp"

#include <algorithm>

namespace troupe::replica {

void lease_book::hold(const model::task_id& task, model::attempt_no attempt, timestamp until) {
  auto& held = leases_[task];
  ends_.erase({held.ends, task});
  held = {attempt, until, false, false};
  ends_.emplace(until, task);
}

void lease_book::end_soon(const model::task_id& task, timestamp at) {
  const auto found = leases_.find(task);
  if (found == leases_.end()) return;
  auto& held = found->second;
  held.is_node_gone = true;
  if (at >= held.ends) return;
  if (ends_.erase({held.ends, task}) > 0) ends_.emplace(at, task);
  held.ends = at;
}

void lease_book::drop(const model::task_id& task, model::attempt_no attempt) {
  const auto found = leases_.find(task);
  if (found == leases_.end() || found->second.attempt != attempt) return;
  ends_.erase({found->second.ends, task});
  leases_.erase(found);
}

void lease_book::take_back(const model::task_id& task) {
  const auto found = leases_.find(task);
  if (found == leases_.end() || !found->second.is_taken) return;
  found->second.is_taken = false;
  ends_.emplace(found->second.ends, task);
}

void lease_book::clear() {
  leases_.clear();
  ends_.clear();
}

std::vector<lease_book::lost> lease_book::take_ended(timestamp now, const report_check& is_reported) {
  std::vector<lost> ended;
  for (auto at = ends_.begin(); at != ends_.end() && at->first <= now;) {
    auto& held = leases_.at(at->second);
    const model::attempt_ref what{at->second, held.attempt};
    if (is_reported(what)) {
      ++at;
      continue;
    }
    held.is_taken = true;
    ended.push_back({what, held.is_node_gone});
    at = ends_.erase(at);
  }
  std::ranges::sort(ended, {}, &lost::what);
  return ended;
}

std::optional<timestamp> lease_book::next_end(const report_check& is_reported) const {
  for (const auto& [ends, task] : ends_)
    if (!is_reported({task, leases_.at(task).attempt})) return ends;
  return std::nullopt;
}

}  // namespace troupe::replica
