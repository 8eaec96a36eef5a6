#include "cli/members.hpp"

#include "base/error.hpp"
#include "cli/units_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::cli {
namespace {

constexpr const char* leaders_patience = "2s";  // another node has answered already

std::vector<std::string> texts_at(const json::object& from, std::string_view key) {
  std::vector<std::string> all;
  const auto* list = array_at(from, key);
  for (std::size_t i = 0; list && i < list->size(); ++i)
    if ((*list)[i].is_string()) all.emplace_back((*list)[i].get_string());
  return all;
}

http_request request_for(const std::string& target, const std::optional<std::string>& body) {
  if (!body) return {.target = target};
  return {.method = "POST", .target = target, .headers = {"Content-Type: application/json"}, .body = *body};
}

}  // namespace

bool votes(const member& node) { return node.role == "leader" || node.role == "voter"; }

std::vector<member> members_in(const json::object& from, std::string_view key) {
  std::vector<member> all;
  const auto* list = array_at(from, key);
  for (std::size_t i = 0; list && i < list->size(); ++i) {
    if (!(*list)[i].is_object()) continue;
    const auto& one = (*list)[i].get_object();
    member node{text_at(one, "id"),          text_at(one, "address"), text_at(one, "role"),  text_at(one, "state"),
                text_at(one, "incarnation"), text_at(one, "program"), text_at(one, "domain")};
    node.tasks = count_at(one, "tasks");
    node.slots = count_at(one, "slots");
    node.reads = count_at(one, "reads");
    node.behind = number_at(one, "behind");
    node.silent_ms = number_at(one, "silent_ms");
    node.roles = texts_at(one, "roles");
    node.labels = texts_at(one, "labels");
    all.push_back(std::move(node));
  }
  return all;
}

outcome<std::vector<member>> list_members(api& node) {
  TROUPE_TRY(const auto answer, node.call({.target = "/v1/nodes"}));
  return members_in(answer, "nodes");
}

outcome<member> find_member(const std::vector<member>& nodes, const std::string& name) {
  std::vector<member> found;
  bool is_address = false;  // a node that lost its disk has come back as another one at the same place
  for (const auto& each : nodes) {
    if (each.id == name) return each;
    is_address |= each.address == name;
    if (each.address == name || each.id.starts_with(name)) found.push_back(each);
  }
  if (found.size() == 1) return found.front();
  std::string known;
  for (const auto& each : found.empty() ? nodes : found)
    known += fmt::format("{}{} ({}, {})", known.empty() ? "" : ", ", each.id, each.address, each.role);
  if (found.empty()) return failure{exit_code::usage, fmt::format("there is no node '{}'; there are {}", name, known)};
  return failure{exit_code::usage,
                 fmt::format("'{}' is the {} of {} nodes; name the id of one ('troupe nodes' shows who is heard of): {}", name,
                             is_address ? "address" : "beginning of the id", found.size(), known)};
}

std::string heard_of(const member& node) {
  if (!node.silent_ms) return "?";
  return *node.silent_ms < 1'000 ? "now" : clock_text(duration{*node.silent_ms}) + " ago";
}

global_options at(const global_options& global, const std::string& address) {
  auto other = global;
  other.url = (global.url.starts_with("https://") ? "https://" : "http://") + address;
  other.patience = leaders_patience;
  return other;
}

outcome<json::object> ask_leader(const global_options& global, api& node, const std::string& target,
                                 const std::optional<std::string>& body) {
  TROUPE_TRY(const auto nodes, list_members(node));
  const auto leader = std::ranges::find(nodes, "leader", &member::role);
  if (leader != nodes.end() && !node.url().ends_with(leader->address)) {
    auto there = connect(at(global, leader->address));
    if (there) {
      there->tell_through([](const std::string&) {});
      if (auto answer = there->call(request_for(target, body))) return answer;
    }
  }
  return node.call(request_for(target, body));
}

}  // namespace troupe::cli
