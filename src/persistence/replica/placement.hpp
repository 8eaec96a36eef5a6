#pragma once

#include "persistence/raft/raft.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

// Who should vote, and who should lead: one step at a time.
namespace troupe::replica {

/// A node of the cluster, as the leader sees it.
struct placed_node {
  raft::server_id id;
  bool is_leaving = false;   ///< it is drained, or is being
  bool is_alive = false;     ///< it was heard of within an election timeout
  bool is_level = false;     ///< its log reaches what was committed a moment ago
  bool is_given_up = false;  ///< it has been silent for so long that another one should vote in its place
  bool stores = true;        ///< it may vote
  std::string domain = {};   ///< what fails together; empty: it stands alone
};

struct placement {
  raft::configuration present;
  raft::server_id self;            ///< leads
  std::vector<placed_node> nodes;  ///< all that belong to the cluster, by id
  std::size_t voters_most = 3;     ///< odd
  bool is_calm = false;            ///< nothing was changed for a while: what is well may be made better
};

/// One of the two, and why, for people.
struct placement_step {
  std::optional<raft::configuration> change;
  std::optional<raft::server_id> hand_over_to;
  std::string why;
};

/// The next step towards: every node a member and nobody else; an odd number of voters, at most `voters_most`; those that leave
/// or were given up, or may not vote, have passed their vote on, if somebody can take it. Voters stand in as many domains as can
/// be: in calm times a vote goes from a domain with two to one with none, so each such step leaves more domains with a voter, and
/// there is no way round in circles. Two nodes have one voter: with two, either's loss would
/// stop both. A replacement is let in before the other one is let go, so that there is one voter more in between. No step is
/// taken that leaves less than a majority of living voters.
[[nodiscard]] std::optional<placement_step> next_step(const placement& now);

/// How many voters there should be, of the nodes that may vote: an odd number.
[[nodiscard]] std::size_t wanted_voters(const placement& now);
/// How many of the voters that live may be lost, one by one, before nothing can be written.
[[nodiscard]] std::size_t losses_survived(const placement& now);

/// The named domain whose loss would stop all writes; empty: there is none.
[[nodiscard]] std::string fatal_domain(const placement& now);

/// Whether a draining node has nothing to pass on any more: it does not lead, nor vote, or there is nobody who could instead.
[[nodiscard]] bool has_passed_on_all(const placement& now, raft::server_id node);

/// Whether a node can be taken out. @returns `errc::conflict` with the reason if not.
[[nodiscard]] result<void> check_removal(const placement& now, raft::server_id node);

}  // namespace troupe::replica
