#pragma once

#include "cli/members.hpp"

#include <string>
#include <vector>

// What a rolling restart may do, decided from what the cluster says. Pure.
namespace troupe::cli {

/// The nodes in the order in which they are restarted: who leads comes last, so that the leadership moves once.
[[nodiscard]] std::vector<member> roll_order(const json::object& cluster);
/// Why the next node must not be taken out of work now; empty: it may.
[[nodiscard]] std::string why_not_roll(const json::object& cluster);
/// Puts a node's `{id}`, `{address}`, `{host}` and `{port}` into a command.
[[nodiscard]] std::string restart_command_for(const std::string& command, const member& node);
/// Whether a node that was started anew has everything that the leader had applied at `index`.
[[nodiscard]] bool has_caught_up(const json::object& cluster, const std::string& node, std::uint64_t index);

}  // namespace troupe::cli
