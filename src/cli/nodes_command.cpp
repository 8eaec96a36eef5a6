#include "base/error.hpp"
#include "cli/commands.hpp"
#include "cli/interrupt.hpp"
#include "cli/members.hpp"
#include "cli/render.hpp"
#include "cli/units_text.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>

namespace troupe::cli {
namespace {

constexpr duration look_again = 500ms;

void report(const api& node, const member& about) {
  node.tell(
      fmt::format("node {} ({}): {}, {}, {} tasks run there", about.id, about.address, about.role, about.state, about.tasks));
}

/// Where a node is, for people.
std::string name_of(const std::vector<member>& nodes, const std::string& id) {
  const auto found = std::ranges::find(nodes, id, &member::id);
  return found == nodes.end() ? "node " + id : fmt::format("node {} ({})", id, found->address);
}

std::string list_of(const std::vector<member>& nodes, const json::object& plan, std::string_view key) {
  std::string all;
  const auto* ids = array_at(plan, key);
  for (std::size_t i = 0; ids && i < ids->size(); ++i)
    all += fmt::format("{}{}", all.empty() ? "" : ", ", name_of(nodes, plain_text((*ids)[i])));
  return all;
}

/// Leadership and votes.
void report_moves(const api& node, const std::vector<member>& nodes, const json::object& plan) {
  const auto leader = text_at(plan, "leader_then");
  if (flag_at(plan, "leads"))
    node.tell(leader == text_at(plan, "node")
                  ? "it goes on leading: no other node can"
                  : fmt::format("it hands the leadership over, to {} as things are", name_of(nodes, leader)));
  if (!flag_at(plan, "votes")) return;
  const auto voters = list_of(nodes, plan, "new_voters");
  if (flag_at(plan, "keeps_vote"))
    node.tell("it keeps its vote: no other node can take it now");
  else
    node.tell(voters.empty() ? "it passes its vote on" : fmt::format("{} gets its vote", voters));
}

/// What is missing while it is away.
void report_rest(const api& node, const json::object& plan) {
  const auto slots = count_at(plan, "slots"), left = count_at(plan, "slots_left");
  if (slots > 0) node.tell(left > 0 ? fmt::format("{} of {} slots are left", left, left + slots) : "no slot is left: jobs wait");
  std::string labels;
  const auto* lost = array_at(plan, "labels_lost");
  for (std::size_t i = 0; lost && i < lost->size(); ++i)
    labels += fmt::format("{}{}", labels.empty() ? "" : ", ", plain_text((*lost)[i]));
  if (!labels.empty())
    node.tell(fmt::format("no other node has the labels {}: stages that require them wait until it is back", labels));
  node.tell(fmt::format("while it is away {} more voters may be lost", count_at(plan, "losses_survived_then")));
  node.tell(flag_at(plan, "removable_then")
                ? "once it is drained it can be taken out: the files that only it has get copies elsewhere before or after that"
                : fmt::format("it cannot be taken out afterwards: {}", text_at(plan, "why_not_removable")));
  if (flag_at(plan, "guess")) node.tell("(the leader was not asked: who is alive is not known)");
}

/// What a drain will do, before it does it.
void report_drain(const api& node, const std::vector<member>& nodes, const json::object& plan, const member& about,
                  const node_change& change) {
  report(node, about);
  report_moves(node, nodes, plan);
  node.tell(change.deadline.empty()
                ? "it gets no new tasks; those that run there may take their time (--deadline bounds it)"
                : fmt::format("it gets no new tasks; those that still run there after {} are run elsewhere, at no "
                              "cost to their tries",
                              change.deadline));
  report_rest(node, plan);
}

/// Only a person is asked; scripts have said what they want.
bool may_go_on(const node_change& change) {
  if (change.is_confirmed || isatty(STDIN_FILENO) != 1) return true;
  std::fputs("Drain it? [y/N] ", stderr);
  std::string line;
  return std::getline(std::cin, line) && (line == "y" || line == "yes");
}

/// Until the node is drained. It cannot fail by itself: tasks end, or the person loses patience.
outcome<void> wait_until_drained(api& node, const std::string& id) {
  std::string said;
  while (true) {
    TROUPE_TRY(const auto nodes, list_members(node));
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
  const auto cluster = ask_leader(global, node, "/v1/cluster");  // it knows who is heard of
  const auto nodes = cluster ? members_in(*cluster, "nodes") : members_in(about, "members");
  fmt::print("  {:<16}  {:<24}  {:<8}  {:<8}  {:>9}  {:>5}  {}\n", "NODE", "ADDRESS", "ROLE", "STATE", "HEARD", "TASKS",
             "STARTS");
  for (const auto& each : nodes)
    fmt::print("{} {:<16}  {:<24}  {:<8}  {:<8}  {:>9}  {:>5}  {}\n", each.id == own_id ? '*' : ' ', fit(each.id, 16),
               fit(each.address, 24), fit(each.role, 8), fit(each.state, 8), heard_of(each), each.tasks, fit(each.starts, 16));
  if (nodes.empty()) node.tell(fmt::format("{} knows no cluster yet; its /readyz says why", node.url()));
  return exit_code::ok;
}

outcome<exit_code> run_node_change(const global_options& global, const node_change& change) {
  TROUPE_TRY(const auto body, drain_body(change));
  TROUPE_TRY(auto node, connect(global));
  TROUPE_TRY(const auto nodes, list_members(node));
  TROUPE_TRY(const auto about, find_member(nodes, change.node));
  const bool drains = change.what == node_change::action::drain;
  if (drains) {
    TROUPE_TRY(const auto plan,
               ask_leader(global, node, "/v1/nodes/" + encode_segment(about.id) + "/drain", R"({"dry_run":true})"));
    report_drain(node, nodes, plan, about, change);
    if (change.is_dry_run && global.json) fmt::print("{}\n", json::serialize(plan));
    if (change.is_dry_run) return exit_code::ok;
    if (!may_go_on(change)) return failure{exit_code::usage, "nothing was changed"};
  } else {
    report(node, about);
  }
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
