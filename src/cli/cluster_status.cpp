#include "base/error.hpp"
#include "cli/commands.hpp"
#include "cli/interrupt.hpp"
#include "cli/members.hpp"
#include "cli/render.hpp"
#include "cli/units_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/json/serialize.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <functional>

namespace troupe::cli {
namespace {

constexpr duration refresh = 2s;
constexpr std::size_t decisions_shown = 10, line_columns_most = 2'000;

std::string headline(const json::object& cluster, const std::vector<member>& nodes) {
  const auto leader = std::ranges::find(nodes, text_at(cluster, "leader"), &member::id);
  const auto who =
      leader == nodes.end() ? std::string{"nobody leads"} : fmt::format("{} ({}) leads", leader->id, leader->address);
  const auto survived = number_at(cluster, "losses_survived");
  const auto loss = survived ? fmt::format("{} of them may be lost", *survived) : "as a node sees it that does not lead";
  return fmt::format("{}, term {}; {} nodes, {} voters, {}; version {}", who, count_at(cluster, "term"), nodes.size(),
                     count_at(cluster, "voters"), loss, count_at(cluster, "version"));
}

std::string row(const member& node) {
  return fmt::format("  {:<16}  {:<22}  {:<8}  {:<8}  {:>6}  {:>8}  {:>9}  {:<8}  {:<10}  {}", fit(node.id, 16),
                     fit(node.address, 22), fit(node.role, 8), fit(node.state, 8), fmt::format("{}/{}", node.tasks, node.slots),
                     node.behind ? fmt::format("{}", *node.behind) : "?", heard_of(node),
                     fit(node.program.empty() ? "?" : node.program, 8), fit(node.domain.empty() ? "-" : node.domain, 10),
                     fit(fmt::format("{}", fmt::join(node.roles, ",")), 12));
}

void print_list(const json::object& cluster, std::string_view key, std::size_t most, const char* title,
                const std::function<std::string(const json::object&)>& line) {
  const auto* list = array_at(cluster, key);
  if (!list || list->empty()) return;
  fmt::print("{}\n", title);
  for (auto i = list->size() - std::min(most, list->size()); i < list->size(); ++i)
    if ((*list)[i].is_object()) fmt::print("  {}\n", fit(line((*list)[i].get_object()), line_columns_most));
}

void print_cluster(const json::object& cluster) {
  const auto nodes = members_in(cluster, "nodes");
  fmt::print("{}\n", headline(cluster, nodes));
  fmt::print("  {:<16}  {:<22}  {:<8}  {:<8}  {:>6}  {:>8}  {:>9}  {:<8}  {:<10}  {}\n", "NODE", "ADDRESS", "ROLE", "STATE",
             "TASKS", "BEHIND", "HEARD", "PROGRAM", "DOMAIN", "MAY");
  for (const auto& node : nodes) fmt::print("{}\n", row(node));
  print_list(cluster, "alarms", line_columns_most, "alarms:", [](const json::object& alarm) {
    return fmt::format("{}: {}", text_at(alarm, "code"), text_at(alarm, "why"));
  });
  print_list(cluster, "decisions", decisions_shown, "decisions:", [](const json::object& made) {
    return fmt::format("{}  {}: {}", text_at(made, "at"), text_at(made, "what"), text_at(made, "why"));
  });
}

}  // namespace

outcome<exit_code> run_cluster_status(const global_options& global, bool watches) {
  TROUPE_TRY(auto node, connect(global));
  do {
    TROUPE_TRY(const auto cluster, ask_leader(global, node, "/v1/cluster"));
    if (watches && !global.json && isatty(STDOUT_FILENO) == 1) fmt::print("\x1b[H\x1b[2J");
    if (global.json)
      fmt::print("{}\n", json::serialize(cluster));
    else
      print_cluster(cluster);
    std::fflush(stdout);
  } while (watches && wait_for(refresh));
  if (was_interrupted()) return failure{exit_code::interrupted, "interrupted"};
  return exit_code::ok;
}

}  // namespace troupe::cli
