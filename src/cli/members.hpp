#pragma once

#include "cli/commands.hpp"
#include "cli/json_text.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The nodes of a cluster, as one of them shows them, and the way to another one.
namespace troupe::cli {

struct member {
  std::string id, address, role, state, starts, program, domain;
  std::uint64_t tasks = 0, slots = 0, reads = 0;
  std::optional<std::int64_t> behind = {}, silent_ms = {};  ///< only the leader knows
  std::vector<std::string> roles = {}, labels = {};
};
[[nodiscard]] bool votes(const member& node);
[[nodiscard]] std::vector<member> members_in(const json::object& from, std::string_view key);
[[nodiscard]] outcome<std::vector<member>> list_members(api& node);
/// @param name  an id, the unambiguous beginning of one, or an address
[[nodiscard]] outcome<member> find_member(const std::vector<member>& nodes, const std::string& name);

/// When the leader heard of it last, for people; "?" if that is not known.
[[nodiscard]] std::string heard_of(const member& node);

/// The same options for another node of the cluster.
[[nodiscard]] global_options at(const global_options& global, const std::string& address);
/// `target` of the leader, who knows most; of the named node, if that leads or the leader cannot be reached. Both answer with
/// "leads" or not.
/// @param body  of a POST; nothing: a GET
[[nodiscard]] outcome<json::object> ask_leader(const global_options& global, api& node, const std::string& target,
                                               const std::optional<std::string>& body = {});

}  // namespace troupe::cli
