#include "persistence/replica/oversight.hpp"

#include "persistence/replica/replica.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace troupe::replica {
namespace {

constexpr int steps_most = 32;  // each moves one vote, or the leadership

/// What the leader would do, if nobody came, went or fell silent.
placement settled(placement now) {
  for (int steps = 0; steps < steps_most; ++steps) {
    const auto step = next_step(now);
    if (!step) break;
    if (step->hand_over_to)
      now.self = *step->hand_over_to;
    else
      now.present = *step->change;
  }
  return now;
}

/// Slots and labels that are left, and the labels that are not.
void plan_work(const placement& now, const model::job_table& table, model::drain_plan& plan) {
  std::set<std::string> elsewhere;
  for (const auto& placed : now.nodes) {
    const auto known = table.nodes().find(model::node_id{placed.id.raw()});
    if (known == table.nodes().end() || !known->second.traits || known->first == plan.node) continue;
    const auto& traits = *known->second.traits;
    if (placed.is_leaving || !placed.is_alive || !traits.works) continue;
    plan.slots_left += traits.slots;
    elsewhere.insert(traits.labels.begin(), traits.labels.end());
  }
  const auto& traits = table.nodes().at(plan.node).traits;
  if (!traits || !traits->works) return;
  plan.slots = traits->slots;
  std::ranges::set_difference(traits->labels, elsewhere, std::back_inserter(plan.labels_lost));
}

}  // namespace

model::drain_plan plan_drain(placement now, const model::job_table& table, model::node_id node) {
  const raft::server_id server{node.raw()};
  model::drain_plan plan;
  plan.node = node;
  plan.tasks = table.tasks_on(node);
  plan.leads = now.self == server;
  plan.votes = now.present.has_voter(server);
  for (auto& each : now.nodes)
    if (each.id == server) each.is_leaving = true;
  const auto then = settled(now);
  plan.leader = model::node_id{then.self.raw()};
  for (const auto id : then.present.voters)
    if (!now.present.has_voter(id)) plan.new_voters.emplace_back(id.raw());
  plan.keeps_vote = then.present.has_voter(server);
  auto rest = then;
  std::erase(rest.present.voters, server);
  plan.losses_survived = losses_survived(rest);
  if (const auto removable = check_removal(then, server); !removable) plan.why_not_removable = removable.error().detail;
  plan_work(now, table, plan);
  return plan;
}

std::vector<model::alarm> voter_alarms(const placement& now) {
  std::vector<model::alarm> all;
  const auto wanted = wanted_voters(now);
  const auto survived = losses_survived(now);
  const auto text = [&](std::string_view what) {
    const auto alive = std::ranges::count_if(now.nodes, [&](const placed_node& node) {
      return now.present.has_voter(node.id) && (node.is_alive || node.id == now.self);
    });
    return fmt::format("{}: {} of {} voters are alive, {} are wanted for {} nodes", what, alive, now.present.voters.size(),
                       wanted, now.nodes.size());
  };
  if (wanted >= 3 && survived == 0)
    all.push_back({"one_more_loss_stops_writes", text("the loss of one more voter stops all writes")});
  else if (survived < (wanted - 1) / 2)
    all.push_back({"fewer_losses_survived", text(fmt::format("only {} voters may be lost", survived))});
  if (const auto domain = fatal_domain(now); wanted >= 3 && !domain.empty())
    all.push_back({"voters_share_domain", fmt::format("most voters stand in domain {}: its loss stops all writes", domain)});
  return all;
}

placement machine::seen() const {
  auto now = placement_now();
  if (leads()) return now;
  now.self = raft_.leader().value_or(settings_.raft.self);
  for (auto& node : now.nodes) node.is_alive = node.is_level = true;
  return now;
}

result<model::drain_plan> machine::plan_drain(model::node_id node) const {
  if (expelled_) return not_a_member();
  if (!table_->nodes().contains(node))
    return error{errc::not_found, fmt::format("no node {:016x} belongs to the cluster", node.raw())};
  auto plan = replica::plan_drain(seen(), *table_, node);
  plan.is_guess = !leads();
  return plan;
}

std::vector<model::alarm> machine::alarms() const {
  if (expelled_) return {{"not_a_member", *expelled_}};
  if (!has_leader()) return {{"no_leader", "nobody leads, as far as this node knows: no majority of the voters can be reached"}};
  if (!leads()) return {};
  const auto now = placement_now();
  auto all = voter_alarms(now);
  const auto state = raft_.state();
  for (const auto& node : now.nodes) {
    if (node.is_alive) continue;
    const auto peer = std::ranges::find(state.peers, node.id, &raft::status::peer::id);
    if (peer == state.peers.end()) continue;
    all.push_back({"node_silent", fmt::format("node {:016x} has not been heard of for {} s", node.id.raw(),
                                              std::chrono::duration_cast<std::chrono::seconds>(now_ - peer->heard).count())});
  }
  if (!table_->has_worker()) all.push_back({"nobody_works", "no node takes tasks: each one is drained, or only stores"});
  if (auto held_back = why_version_is_held_back(now)) all.push_back({"version_held_back", std::move(*held_back)});
  return all;
}

}  // namespace troupe::replica
