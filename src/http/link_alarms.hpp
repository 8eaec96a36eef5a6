#pragma once

#include "actors/messages.hpp"
#include "http/peer_links.hpp"

#include <string>
#include <vector>

namespace troupe::http {

/// What the links of the answering node add to the picture: nodes of the cluster to which there is none.
void add_link_alarms(const std::vector<link_status>& links, actors::cluster_view& cluster);

/// Why this node is not of the cluster that its seeds belong to; empty if it is, or was told of none.
/// @param is_alone  whether its own cluster has no other node
[[nodiscard]] std::string why_apart(const peer_links& links, bool is_alone);

}  // namespace troupe::http
