#include "persistence/replica/leader_spread.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::replica {
namespace {

const placed_node* find(const placement& now, raft::server_id id) {
  const auto found = std::find_if(now.nodes.begin(), now.nodes.end(), [&](const placed_node& node) { return node.id == id; });
  return found == now.nodes.end() ? nullptr : &*found;
}

/// Those who vote and are to go on doing so, by id; a dead one among them, so that its share of leaders is there when it comes
/// back.
std::vector<raft::server_id> lasting_voters(const placement& now) {
  std::vector<raft::server_id> lasting;
  for (const auto id : now.present.voters) {
    const auto* node = find(now, id);
    if (node && !node->is_leaving && !node->is_given_up) lasting.push_back(id);
  }
  std::sort(lasting.begin(), lasting.end());
  return lasting;
}

}  // namespace

std::optional<placement_step> leader_spread::next(const placement& at_present, timestamp now) {
  if (shards_.shards() == 1) return std::nullopt;
  const auto voters = lasting_voters(at_present);
  if (voters.empty()) return std::nullopt;
  const auto wanted = voters[shard_.raw() % voters.size()];
  const auto* node = find(at_present, wanted);
  if (wanted == at_present.self || !node->is_alive || !node->is_level) {
    fit_since_.reset();
    return std::nullopt;
  }
  if (!fit_since_ || fit_since_->who != wanted) fit_since_ = candidate{wanted, now};
  if (now < fit_since_->since + fit_for || now < again_at_) return std::nullopt;
  again_at_ = now + between_tries;
  return placement_step{
      std::nullopt, wanted,
      fmt::format("node {:016x} leads shard {} from now on: it is voter {} of {}, and leaders are spread over them", wanted.raw(),
                  shard_.raw(), shard_.raw() % voters.size() + 1, voters.size())};
}

}  // namespace troupe::replica
