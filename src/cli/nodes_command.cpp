#include "base/error.hpp"
#include "cli/commands.hpp"
#include "cli/interrupt.hpp"
#include "cli/json_text.hpp"
#include "cli/render.hpp"
#include "cli/units_text.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace troupe::cli {
namespace {

constexpr duration look_again = 500ms;

struct member {
  std::string id, address, role, state, starts;
  std::uint64_t tasks = 0;
};

std::vector<member> members_in(const json::object& from, std::string_view key) {
  std::vector<member> all;
  const auto* list = array_at(from, key);
  for (std::size_t i = 0; list && i < list->size(); ++i) {
    if (!(*list)[i].is_object()) continue;
    const auto& one = (*list)[i].get_object();
    all.push_back({text_at(one, "id"), text_at(one, "address"), text_at(one, "role"), text_at(one, "state"),
                   text_at(one, "incarnation"), count_at(one, "tasks")});
  }
  return all;
}

outcome<std::vector<member>> list(api& node) {
  TROUPE_TRY(const auto answer, node.call({.target = "/v1/nodes"}));
  return members_in(answer, "nodes");
}

/// @param name  an id, the unambiguous beginning of one, or an address
outcome<member> find(const std::vector<member>& nodes, const std::string& name) {
  std::vector<member> found;
  for (const auto& each : nodes) {
    if (each.id == name || each.address == name) return each;
    if (each.id.starts_with(name)) found.push_back(each);
  }
  if (found.size() == 1) return found.front();
  std::string known;
  for (const auto& each : nodes) known += fmt::format("{}{} ({})", known.empty() ? "" : ", ", each.id, each.address);
  return failure{exit_code::usage,
                 found.empty() ? fmt::format("there is no node '{}'; there are {}", name, known)
                               : fmt::format("'{}' is the beginning of {} nodes; there are {}", name, found.size(), known)};
}

bool votes(const member& node) { return node.role == "leader" || node.role == "voter"; }

void report(const api& node, const member& about) {
  node.tell(
      fmt::format("node {} ({}): {}, {}, {} tasks run there", about.id, about.address, about.role, about.state, about.tasks));
}

/// What a drain will do, before it does it.
void report_drain(const api& node, const std::vector<member>& nodes, const member& about, const node_change& change) {
  report(node, about);
  const auto is_other = [&](const member& each) { return each.id != about.id && each.state == "active"; };
  if (about.role == "leader") {
    const bool has_heir = std::ranges::any_of(nodes, [&](const member& each) { return is_other(each) && votes(each); });
    const bool can_have = std::ranges::any_of(nodes, is_other);
    node.tell(has_heir || can_have ? "it hands the leadership over to another node" : "it goes on leading: no other node can");
  }
  if (votes(about)) {
    const bool has_learner = std::ranges::any_of(nodes, [&](const member& each) { return is_other(each) && !votes(each); });
    node.tell(has_learner ? "a node that only has a copy gets its vote" : "it keeps its vote: every other node votes already");
  }
  node.tell(change.deadline.empty()
                ? "it gets no new tasks; those that run there may take their time (--deadline bounds it)"
                : fmt::format("it gets no new tasks; those that still run there after {} are run elsewhere, at no "
                              "cost to their tries",
                              change.deadline));
}

/// Until the node is drained. It cannot fail by itself: tasks end, or the person loses patience.
outcome<void> wait_until_drained(api& node, const std::string& id) {
  std::string said;
  while (true) {
    TROUPE_TRY(const auto nodes, list(node));
    const auto at = std::ranges::find_if(nodes, [&](const member& each) { return each.id == id; });
    if (at == nodes.end()) return failure{exit_code::refused, fmt::format("node {} was taken out of the cluster", id)};
    if (at->state == "drained") return {};
    if (at->state == "active") return failure{exit_code::refused, fmt::format("node {} was told to work again", id)};
    const auto now = fmt::format("still draining: {}, {} tasks run there", at->role, at->tasks);
    if (std::exchange(said, now) != now) node.tell(now);
    if (!wait_for(look_again))
      return failure{exit_code::interrupted, fmt::format("node {} goes on draining; `troupe node resume {}` ends that", id, id)};
  }
}

outcome<std::string> drain_body(const node_change& change) {
  if (change.deadline.empty()) return std::string{"{}"};
  const auto deadline = parse_duration(change.deadline);
  if (!deadline) return failure{exit_code::usage, "--deadline " + deadline.error().detail};
  return json::serialize(json::object{{"deadline_ms", deadline->count()}});
}

http_request request_for(const node_change& change, const member& about, const std::string& body) {
  const auto path = "/v1/nodes/" + encode_segment(about.id);
  if (change.what == node_change::action::remove) return {.method = "DELETE", .target = path};
  const bool drains = change.what == node_change::action::drain;
  return {.method = "POST",
          .target = path + (drains ? "/drain" : "/resume"),
          .headers = {"Content-Type: application/json"},
          .body = drains ? body : std::string{}};
}

}  // namespace

outcome<exit_code> run_nodes(const global_options& global) {
  TROUPE_TRY(auto node, connect(global));
  TROUPE_TRY(const auto about, node.call({.target = "/v1/node"}));
  if (global.json) {
    fmt::print("{}\n", json::serialize(about));
    return exit_code::ok;
  }
  const auto own_id = text_at(about, "id");
  fmt::print("  {:<16}  {:<24}  {:<8}  {:<8}  {:>5}  {}\n", "NODE", "ADDRESS", "ROLE", "STATE", "TASKS", "STARTS");
  for (const auto& each : members_in(about, "members"))
    fmt::print("{} {:<16}  {:<24}  {:<8}  {:<8}  {:>5}  {}\n", each.id == own_id ? '*' : ' ', fit(each.id, 16),
               fit(each.address, 24), fit(each.role, 8), fit(each.state, 8), each.tasks, fit(each.starts, 16));
  return exit_code::ok;
}

outcome<exit_code> run_node_change(const global_options& global, const node_change& change) {
  TROUPE_TRY(const auto body, drain_body(change));
  TROUPE_TRY(auto node, connect(global));
  TROUPE_TRY(const auto nodes, list(node));
  TROUPE_TRY(const auto about, find(nodes, change.node));
  const bool drains = change.what == node_change::action::drain;
  if (drains)
    report_drain(node, nodes, about, change);
  else
    report(node, about);
  TROUPE_TRY(auto answer, node.call(request_for(change, about, body)));
  if (drains && change.wait) {
    TROUPE_CHECK(wait_until_drained(node, about.id));
    TROUPE_TRY(answer, node.call({.target = "/v1/nodes"}));
  }
  if (global.json) fmt::print("{}\n", json::serialize(answer));
  switch (change.what) {
    case node_change::action::drain:
      node.tell(change.wait ? "it is drained" : "it is draining; `troupe nodes` shows how far");
      break;
    case node_change::action::resume: node.tell("it works again"); break;
    case node_change::action::remove: node.tell("it does not belong to the cluster any more"); break;
  }
  return exit_code::ok;
}

}  // namespace troupe::cli
