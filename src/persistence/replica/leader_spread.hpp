#pragma once

#include "model/shard_map.hpp"
#include "persistence/replica/placement.hpp"

#include <optional>

namespace troupe::replica {

/// Spreads the leaders of several shards over their voters: shard k is led by the k-th of its voters by id, counted round. Used
/// by the present leader, which lets that one lead when it has been alive and level for a while, and tries again after a longer
/// one.
class leader_spread {
 public:
  static constexpr duration fit_for = 5s;         ///< a node that has just come back has other things to do
  static constexpr duration between_tries = 30s;  ///< a node that is asked to lead and cannot is not asked again soon

  leader_spread(model::shard_no shard, model::shard_map shards) : shard_(shard), shards_(shards) {}
  /// Nothing with one shard, and while the right one leads.
  [[nodiscard]] std::optional<placement_step> next(const placement& at_present, timestamp now);
  /// This replica begins to lead, or does not any more.
  void begin_anew() noexcept { fit_since_.reset(); }

 private:
  struct candidate {
    raft::server_id who;
    timestamp since{};
  };
  model::shard_no shard_;
  model::shard_map shards_;
  std::optional<candidate> fit_since_;
  timestamp again_at_{};
};

}  // namespace troupe::replica
