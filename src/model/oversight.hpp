#pragma once

#include "model/ids.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// What an operator should know before anything happens: what is wrong, and what a drain would do.
namespace troupe::model {

/// Something that an operator should do something about, or wait for the end of.
struct alarm {
  std::string code;  ///< for programs
  std::string why;   ///< for people
  friend bool operator==(const alarm&, const alarm&) = default;
};

/// What would become of a cluster from which a node is drained, if nothing else happens.
struct drain_plan {
  node_id node;
  std::uint64_t tasks = 0;                  ///< that run there now
  bool leads = false, votes = false;        ///< now
  node_id leader;                           ///< who leads then; the node itself if nobody else can
  std::vector<node_id> new_voters;          ///< who votes then and does not now
  bool keeps_vote = false;                  ///< nobody could take it
  std::uint32_t slots = 0, slots_left = 0;  ///< of it; of the other nodes that live and work
  std::vector<std::string> labels_lost;     ///< that no other node's slots have
  std::uint64_t losses_survived = 0;        ///< voters that may be lost then, besides the node
  std::string why_not_removable;            ///< then; empty: it can be taken out
  bool is_guess = false;                    ///< by a node that does not lead, and so does not know who lives
};

}  // namespace troupe::model
