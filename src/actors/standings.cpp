#include "actors/standings.hpp"

namespace troupe::actors {

void joined_standings::set_standing(model::node_id node, const model::ports::node_standing& standing) {
  const std::lock_guard lock{mutex_};
  auto [known, is_new] = known_.emplace(node, standing);
  if (!is_new) {
    const bool is_older = standing.boot < known->second.boot && !standing.is_removed;
    if (known->second.is_removed || is_older) return;
    known->second = standing;
  }
  to_.set_standing(node, standing);
}

}  // namespace troupe::actors
