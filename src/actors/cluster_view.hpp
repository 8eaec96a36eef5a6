#pragma once

#include "actors/messages.hpp"
#include "persistence/replica/replica.hpp"

#include <deque>
#include <vector>

// The cluster as one replica sees it, in the words of the edge.
namespace troupe::actors {

inline constexpr std::size_t decisions_most = 100;

[[nodiscard]] std::vector<member_view> members_of(const replica::machine& machine, timestamp now);
/// @param decisions  that this node has made or found, the newest last
[[nodiscard]] cluster_view view_of(const replica::machine& machine, timestamp now, const std::deque<decision_view>& decisions);

[[nodiscard]] load_view load_of(const model::job_table& table);
/// @param pipeline  whose jobs are to be counted
[[nodiscard]] queue_view queue_of(const model::job_table& table, const std::optional<std::string>& pipeline);

}  // namespace troupe::actors
