#include "http/link_alarms.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::http {

void add_link_alarms(const std::vector<link_status>& links, actors::cluster_view& cluster) {
  for (const auto& node : cluster.nodes) {
    if (node.id == cluster.seen_by || node.address.empty()) continue;
    const auto link = std::ranges::find(links, node.id, &link_status::node);
    // Nobody dials a node for which there is nothing: only what broke is wrong.
    if (link == links.end() || link->connected || link->last_error.empty()) continue;
    cluster.alarms.push_back({"link_down", fmt::format("node {:016x} has no link to node {:016x} ({}): {}", cluster.seen_by.raw(),
                                                       node.id.raw(), node.address, link->last_error)});
  }
}

}  // namespace troupe::http
