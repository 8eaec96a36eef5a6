#pragma once

#include "actors/roll.hpp"
#include "http/inspection/watch.hpp"
#include "model/ids.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace troupe::http::inspection {

/// The actors of this node, as they were counted at one moment. One thread.
class own_actors {
 public:
  /// @param roll  outlives this
  own_actors(const actors::actor_roll& roll, model::node_id self, std::string address);

  /// Counts anew what was counted longer ago than this; one reading serves all viewers.
  void count(std::chrono::steady_clock::time_point now, std::chrono::milliseconds older_than);
  /// Appends the node, and what is in what is open of it.
  void add_to(std::vector<mark>& out, const watch& wanted) const;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  struct member {
    std::shared_ptr<const actors::actor_roll::entry> who;
    actors::actor_counts counts;
    double liveliness = 0;  ///< messages handled lately
  };
  struct group {
    std::vector<member> members;
    actors::actor_counts sum;
    std::uint64_t at_work = 0;
  };
  [[nodiscard]] const group& group_of(actors::party kind) const { return groups_[static_cast<std::size_t>(kind)]; }
  [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> sent_to_others() const;
  void add_group(std::vector<mark>& out, const watch& wanted, actors::party kind) const;
  [[nodiscard]] static mark mark_of(const member& one, const std::string& prefix, const watch& wanted);

  const actors::actor_roll& roll_;
  const std::string path_, address_;
  std::size_t known_ = 0;
  std::chrono::steady_clock::time_point counted_{};
  std::array<group, actors::party_count> groups_;
};

}  // namespace troupe::http::inspection
