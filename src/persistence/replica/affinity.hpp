#pragma once

#include "base/units.hpp"
#include "model/ids.hpp"

#include <optional>
#include <set>
#include <span>
#include <unordered_map>

namespace troupe::replica {

/// Which task a node should get because what it reads is there already: the outputs of its job's last task lie where that ran. A
/// hint of the leader, kept in memory and of the newest jobs only; work never waits for the right node.
class affinity {
 public:
  static constexpr std::size_t looked_at_most = 16;  ///< tasks, the best one among them, of which one may be preferred
  static constexpr int passes_most = 8;              ///< so often the best task is passed over for others; then it goes

  /// A task of the job ended well on this node.
  void ran(model::job_id job, model::node_id node);
  /// @param few    equals, the best first, that might run on the node now
  /// @param taken  of these, what others get in this step
  /// @returns the task to run there because it is at home; nothing: none is, or it is the best one's turn.
  [[nodiscard]] std::optional<model::task_id> choose(std::span<const model::task_id> few, model::node_id node,
                                                     const std::set<model::task_id>& taken);

 private:
  static constexpr std::size_t generation_most = 8192;

  [[nodiscard]] bool is_at_home(model::job_id job, model::node_id node) const;
  [[nodiscard]] bool may_pass_over(const model::task_id& best);

  std::unordered_map<model::job_id, model::node_id> young_, old_;
  std::optional<model::task_id> passed_over_;
  int passes_ = 0;
};

}  // namespace troupe::replica
