#include "cli/roll_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace troupe::cli {

std::vector<member> roll_order(const json::object& cluster) {
  auto nodes = members_in(cluster, "nodes");
  std::ranges::stable_partition(nodes, [](const member& node) { return node.role != "leader"; });
  return nodes;
}

std::string why_not_roll(const json::object& cluster) {
  constexpr std::array stops{"one_more_loss_stops_writes", "fewer_losses_survived", "node_silent", "no_leader", "not_a_member"};
  const auto nodes = members_in(cluster, "nodes");
  if (nodes.size() < 2) return "a single node cannot be rolled: nobody works on meanwhile";
  if (!flag_at(cluster, "leads")) return "the leader cannot be reached, and only it knows how the others are";
  const auto* alarms = array_at(cluster, "alarms");
  for (std::size_t i = 0; alarms && i < alarms->size(); ++i) {
    const auto* alarm = (*alarms)[i].if_object();
    if (alarm && std::ranges::find(stops, text_at(*alarm, "code")) != stops.end()) return text_at(*alarm, "why");
  }
  const auto idle =
      std::ranges::find_if(nodes, [](const member& node) { return node.state != "active" || node.role == "joining"; });
  if (idle != nodes.end())
    return fmt::format("node {} is {}: `troupe node resume {}` first, or take it out", idle->id,
                       idle->state == "active" ? idle->role : idle->state, idle->id);
  return {};
}

std::string restart_command_for(const std::string& command, const member& node) {
  const auto colon = node.address.rfind(':');
  const std::array<std::pair<std::string, std::string>, 4> words{{{"{id}", node.id},
                                                                  {"{address}", node.address},
                                                                  {"{host}", node.address.substr(0, colon)},
                                                                  {"{port}", node.address.substr(colon + 1)}}};
  auto text = command;
  for (const auto& [word, value] : words)
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + value.size()))
      text.replace(at, word.size(), value);
  return text;
}

bool has_caught_up(const json::object& cluster, const std::string& id, std::uint64_t index) {
  const auto nodes = members_in(cluster, "nodes");
  const auto node = std::ranges::find(nodes, id, &member::id);
  if (node == nodes.end() || !node->behind || *node->behind < 0) return false;
  const auto behind = static_cast<std::uint64_t>(*node->behind);
  const auto applied = count_at(cluster, "log_index");
  return applied >= behind && applied - behind >= index;
}

}  // namespace troupe::cli
