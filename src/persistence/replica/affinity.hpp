#pragma once

#include "base/units.hpp"
#include "model/ids.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

namespace troupe::replica {

/// Which task a node should get because what it reads is there already: the outputs of its job's last task lie where that ran. A
/// hint of the leader, kept in memory and of the newest jobs only; work never waits for the right node.
class affinity {
 public:
  static constexpr std::size_t looked_at_most = 16;  ///< tasks, the best one among them, of which one may be preferred
  static constexpr int passes_most = 8;              ///< so often the best task is passed over for others; then it goes

  /// A task of the job ended well on this node.
  void ran(model::job_id job, model::node_id node);
  /// Where the job's last task ran, as far as it is remembered.
  [[nodiscard]] std::optional<model::node_id> home_of(model::job_id job) const;
  /// Counts how often a task that is the best of its equals was passed over for one that is at home.
  /// @param kind  of slots: each of them has a best one of its own
  /// @returns false if it is its turn
  [[nodiscard]] bool may_pass_over(const model::task_id& best, std::size_t kind = 0);

 private:
  static constexpr std::size_t generation_most = 8192;

  std::unordered_map<model::job_id, model::node_id> young_, old_;
  std::map<std::size_t, std::pair<std::optional<model::task_id>, int>> passed_over_;  // by kind: the best one, and how often
};

}  // namespace troupe::replica
