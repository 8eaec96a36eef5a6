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

std::string why_apart(const peer_links& links, bool is_alone) {
  const auto all = links.links();
  const bool has_cluster = links.cluster() != 0;
  std::string seeds;
  for (const auto& link : all) {
    const bool is_seed = link.node.raw() == 0;
    if (is_seed && (!has_cluster || (is_alone && link.is_refused)))
      seeds += fmt::format("; seed {}: {}", link.address, link.last_error.empty() ? "no answer yet" : link.last_error);
  }
  if (has_cluster) return seeds.empty() ? "" : "this node is a cluster of its own" + seeds;
  if (!seeds.empty()) return "this node has not joined a cluster yet" + seeds;
  return all.empty() ? "this node has not joined a cluster yet, and no seed of it is another node"
                     : "no node that this one has met belongs to a cluster: start the first one without a seed";
}

}  // namespace troupe::http
