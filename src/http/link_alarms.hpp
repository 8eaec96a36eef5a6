#pragma once

#include "actors/messages.hpp"
#include "http/peer_links.hpp"

#include <vector>

namespace troupe::http {

/// What the links of the answering node add to the picture: nodes of the cluster to which there is none.
void add_link_alarms(const std::vector<link_status>& links, actors::cluster_view& cluster);

}  // namespace troupe::http
