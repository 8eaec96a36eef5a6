#pragma once

#include "http/json/load.hpp"
#include "model/ids.hpp"

#include <compare>
#include <deque>
#include <map>
#include <optional>
#include <vector>

namespace troupe::cli {

/// What nodes said of their load in the last minutes, as averages over them. Pure.
class node_loads {
 public:
  /// Forgets what the node said before if its counts began again, for it was started anew.
  void take(model::node_id node, timestamp at, const http::node_load& load);
  /// The node was asked, and did not answer.
  void miss(model::node_id node, timestamp at) { asked_[node] = {at, true}; }
  /// Forgets all other nodes.
  void keep(const std::vector<model::node_id>& nodes);
  /// Of these, the one that was asked the longest ago, or never; of several the one that answered then. @returns nothing when all
  /// were asked since `since`.
  [[nodiscard]] std::optional<model::node_id> next(const std::vector<model::node_id>& nodes, timestamp since) const;

  struct averages {
    std::optional<double> cpu_percent, memory_percent, connections, requests_a_minute;
  };
  /// Over those that said something within half a minute. @returns nothing of what fewer than half of the nodes have said.
  [[nodiscard]] averages over(const std::vector<model::node_id>& nodes, timestamp now) const;

 private:
  struct reading {
    timestamp at{};
    http::node_load load;
  };
  struct question {
    timestamp at{};
    bool is_missed = false;  ///< nobody answered
    friend auto operator<=>(const question&, const question&) = default;
  };
  std::map<model::node_id, std::deque<reading>> heard_;  ///< the newest last
  std::map<model::node_id, question> asked_;             ///< the last one
};

}  // namespace troupe::cli
