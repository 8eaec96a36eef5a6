#pragma once

#include "actors/internal.hpp"

#include <optional>
#include <vector>

// What the shards of a node say of themselves, as one. Pure.
namespace troupe::actors {

/// By shard; nothing: it did not answer in time.
using shard_answers = std::vector<std::optional<shard_status>>;

/// The nodes of the cluster, by id. A node is what the first shard that knows it says; it is active or drained when it is in all
/// shards that know it, and what runs on it is the sum.
[[nodiscard]] std::vector<member_view> members_of(const shard_answers& shards);
/// Fills in what follows from the shards. @param self  this node
void add_shards(const shard_answers& shards, model::node_id self, node_view& into);
/// Adds what another shard says of the queue: a pause began when the first shard took it.
void add_queue(const queue_view& shard, queue_view& into);
/// Why a node must not be taken out of any shard yet; what only the leaders know they say themselves.
[[nodiscard]] std::optional<error> why_not_removable(const shard_answers& shards, model::node_id node);

}  // namespace troupe::actors
