#include "persistence/replica/placement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace troupe::replica {
namespace {

using raft::configuration;
using raft::server_id;

const placed_node* find(const placement& now, server_id id) {
  const auto found = std::ranges::lower_bound(now.nodes, id, {}, &placed_node::id);
  return found == now.nodes.end() || found->id != id ? nullptr : &*found;
}

std::vector<server_id> sorted(std::vector<server_id> ids) {
  std::ranges::sort(ids);
  return ids;
}

std::string name(server_id id) { return fmt::format("node {:016x}", id.raw()); }

bool is_good(const placed_node* node) { return node && node->stores && !node->is_leaving && !node->is_given_up; }

bool is_alive(const placement& now, server_id id) {
  const auto* node = find(now, id);
  return id == now.self || (node && node->is_alive);
}

/// More than half of them live. One that lives on outside the cluster does not count.
bool has_living_majority(const placement& now, const std::vector<server_id>& voters) {
  const auto alive = std::count_if(voters.begin(), voters.end(), [&](server_id id) { return is_alive(now, id); });
  return static_cast<std::size_t>(alive) > voters.size() / 2;
}

configuration without(const configuration& from, server_id id) {
  auto to = from;
  std::erase(to.voters, id);
  std::erase(to.learners, id);
  return to;
}

/// Whether another good voter stands in this node's domain.
const placed_node* shares_domain(const placement& now, const placed_node& node) {
  if (node.domain.empty()) return nullptr;
  for (const auto id : now.present.voters) {
    const auto* voter = find(now, id);
    if (id != node.id && is_good(voter) && voter->domain == node.domain) return voter;
  }
  return nullptr;
}

/// A learner that could vote at once; where no voter stands yet, if there is one there.
const placed_node* best_learner(const placement& now) {
  const placed_node* best = nullptr;
  const auto learners = sorted(now.present.learners);
  for (const auto& node : now.nodes) {
    if (!is_good(&node) || !node.is_alive || !node.is_level || !std::ranges::binary_search(learners, node.id)) continue;
    if (!shares_domain(now, node)) return &node;
    if (!best) best = &node;
  }
  return best;
}

/// Another voter that could lead.
std::optional<server_id> best_heir(const placement& now) {
  for (const auto id : now.present.voters) {
    const auto* node = find(now, id);
    if (id != now.self && is_good(node) && node->is_alive && node->is_level) return id;
  }
  return std::nullopt;
}

placement_step change(configuration to, std::string why) { return {std::move(to), std::nullopt, std::move(why)}; }

/// All that are not in yet, with one change: of learners there may be many.
std::optional<placement_step> let_in(const placement& now) {
  const auto voters = sorted(now.present.voters), learners = sorted(now.present.learners);
  auto to = now.present;
  for (const auto& node : now.nodes)
    if (!std::ranges::binary_search(voters, node.id) && !std::ranges::binary_search(learners, node.id))
      to.learners.push_back(node.id);
  const auto more = to.learners.size() - now.present.learners.size();
  if (more == 0) return std::nullopt;
  const auto first = name(to.learners[now.present.learners.size()]);
  auto why = more == 1 ? fmt::format("{} belongs to the cluster and gets the log", first)
                       : fmt::format("{} and {} more belong to the cluster and get the log", first, more - 1);
  return change(std::move(to), std::move(why));
}

/// Those who do not belong, and those who are not in yet.
std::optional<placement_step> settle_membership(const placement& now) {
  for (const auto id : now.present.learners)
    if (!find(now, id)) return change(without(now.present, id), fmt::format("{} was taken out of the cluster", name(id)));
  for (const auto id : now.present.voters) {
    if (find(now, id) || id == now.self) continue;
    auto to = without(now.present, id);
    if (has_living_majority(now, to.voters))
      return change(std::move(to), fmt::format("{} was taken out of the cluster and votes no more", name(id)));
  }
  return let_in(now);
}

/// Whose vote goes first: of the silent, of those that leave or may not vote, of two in one domain, of the others.
std::optional<server_id> first_to_go(const placement& now) {
  const auto rank = [&](server_id id) {
    const auto* node = find(now, id);
    if (!node || node->is_given_up) return 0;
    if (!is_good(node)) return 1;
    if (id == now.self) return 4;
    return shares_domain(now, *node) ? 2 : 3;
  };
  const auto& voters = now.present.voters;
  const auto last = std::min_element(voters.rbegin(), voters.rend(), [&](auto a, auto b) { return rank(a) < rank(b); });
  return last == voters.rend() ? std::nullopt : std::optional{*last};
}

std::string why_to_go(const placement& now, server_id id, std::size_t wanted) {
  const auto* node = find(now, id);
  if (!node) return fmt::format("{} was taken out of the cluster and votes no more", name(id));
  if (node->is_given_up)
    return fmt::format("{} has been silent for too long and votes no more; others vote in its place", name(id));
  if (node->is_leaving) return fmt::format("{} is being drained and has passed its vote on", name(id));
  if (!node->stores) return fmt::format("{} has not the role `store` and has passed its vote on", name(id));
  if (const auto* other = shares_domain(now, *node))
    return fmt::format("{} votes no more: {} votes in its domain {}, too, and {} voters are enough", name(id), name(other->id),
                       node->domain, wanted);
  return fmt::format("{} votes no more: {} voters are enough for {} nodes", name(id), wanted, now.nodes.size());
}

/// In calm times: the vote of one of two in a domain goes to a node where nobody votes.
std::optional<placement_step> spread(const placement& now) {
  if (!now.is_calm) return std::nullopt;
  const auto* learner = best_learner(now);
  if (!learner || shares_domain(now, *learner)) return std::nullopt;
  const auto& voters = now.present.voters;
  const auto crowded = std::ranges::find_if(voters, [&](server_id id) {
    const auto* voter = find(now, id);
    return id != now.self && voter && shares_domain(now, *voter);
  });
  if (crowded == voters.end()) return std::nullopt;
  auto to = now.present;
  std::erase(to.learners, learner->id);
  to.voters.push_back(learner->id);
  if (!has_living_majority(now, to.voters)) return std::nullopt;
  return change(std::move(to),
                fmt::format("{} votes: it stands in domain {}, where nobody votes, and two vote in domain {}", name(learner->id),
                            learner->domain.empty() ? "of its own" : learner->domain, find(now, *crowded)->domain));
}

}  // namespace

std::size_t wanted_voters(const placement& now) {
  const auto nodes = static_cast<std::size_t>(std::ranges::count_if(now.nodes, &placed_node::stores));
  return std::max<std::size_t>(1, std::min(now.voters_most, nodes % 2 == 0 && nodes > 0 ? nodes - 1 : nodes));
}

std::string fatal_domain(const placement& now) {
  const auto& voters = now.present.voters;
  for (const auto id : voters) {
    const auto* node = find(now, id);
    if (!node || node->domain.empty()) continue;
    const auto there = std::ranges::count_if(voters, [&](server_id other) {
      const auto* placed = find(now, other);
      return placed && placed->domain == node->domain;
    });
    if (voters.size() - static_cast<std::size_t>(there) <= voters.size() / 2) return node->domain;
  }
  return {};
}

std::size_t losses_survived(const placement& now) {
  const auto& voters = now.present.voters;
  const auto alive = static_cast<std::size_t>(std::ranges::count_if(voters, [&](server_id id) { return is_alive(now, id); }));
  const auto majority = voters.size() / 2 + 1;
  return alive < majority ? 0 : alive - majority;
}

std::optional<placement_step> next_step(const placement& now) {
  const auto* self = find(now, now.self);
  if (!is_good(self) && now.present.voters.size() > 1) {
    if (const auto heir = best_heir(now))
      return placement_step{std::nullopt, heir,
                            fmt::format("{} leads and {}; {} can lead", name(now.self),
                                        self && !self->stores ? "has not the role `store`" : "is being drained", name(*heir))};
  }
  if (auto step = settle_membership(now)) return step;
  const auto wanted = wanted_voters(now);
  const auto& voters = now.present.voters;
  if (voters.size() > wanted) {
    const auto id = first_to_go(now);
    if (!id || *id == now.self) return std::nullopt;
    auto to = without(now.present, *id);
    if (!has_living_majority(now, to.voters)) return std::nullopt;
    if (find(now, *id)) to.learners.push_back(*id);
    return change(std::move(to), why_to_go(now, *id, wanted));
  }
  const auto good = std::count_if(voters.begin(), voters.end(), [&](server_id id) { return is_good(find(now, id)); });
  if (static_cast<std::size_t>(good) >= wanted) return spread(now);
  const auto* learner = best_learner(now);
  if (!learner) return std::nullopt;
  auto to = now.present;
  std::erase(to.learners, learner->id);
  to.voters.push_back(learner->id);
  if (!has_living_majority(now, to.voters)) return std::nullopt;
  return change(std::move(to),
                fmt::format("{} has caught up and votes: {} of {} wanted voters are there", name(learner->id), good, wanted));
}

bool has_passed_on_all(const placement& now, server_id node) {
  if (node == now.self && best_heir(now)) return false;
  if (!now.present.has_voter(node)) return true;
  return std::none_of(now.nodes.begin(), now.nodes.end(), [&](const placed_node& other) {
    return is_good(&other) && other.is_alive && !now.present.has_voter(other.id);
  });
}

result<void> check_removal(const placement& now, server_id id) {
  const auto refuse = [](std::string why) { return error{errc::conflict, std::move(why)}; };
  const auto* node = find(now, id);
  if (!node) return {};  // the table says so
  if (id == now.self)
    return refuse(best_heir(now)
                      ? fmt::format("{} leads the cluster: drain it first, so that another node leads", name(id))
                      : fmt::format("{} leads the cluster, and no other node can: start or resume one first", name(id)));
  if (!now.present.has_voter(id)) return {};
  const auto rest = without(now.present, id).voters;
  if (rest.empty()) return refuse(fmt::format("{} is the only voter", name(id)));
  if (has_living_majority(now, rest)) return {};
  const auto alive = std::count_if(rest.begin(), rest.end(), [&](server_id other) { return is_alive(now, other); });
  return refuse(fmt::format("without {} only {} of {} voters would be alive, which is no majority: start the others again first",
                            name(id), alive, rest.size()));
}

}  // namespace troupe::replica
