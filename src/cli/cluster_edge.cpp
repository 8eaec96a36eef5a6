#include "cli/cluster_edge.hpp"

#include "base/log.hpp"
#include "http/peer_client.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::cli {

namespace {

error other_shards(std::uint32_t present, std::uint32_t wanted) {
  return {
      errc::bad_request,
      fmt::format("cluster.shards: {} are wanted, and the cluster has had {} since it was begun, which cannot be changed: leave "
                  "the key out, or say {}",
                  wanted, present, present)};
}

}  // namespace

result<void> settle_cluster(const std::vector<std::string>& seeds, journal::data_directory& directory,
                            const fresh_cluster& fresh) {
  const bool is_new = !directory.has_journal();  // one with a journal and without a mark is its own cluster
  // A founder whose start failed before it had a log has founded nothing.
  const auto mark = is_new && directory.cluster() && directory.cluster()->is_founder ? std::nullopt : directory.cluster();
  if (mark && mark->id == 0 && seeds.empty())
    return error{errc::bad_request,
                 fmt::format("{} was made to join a cluster and has not reached it yet: name a node of it with "
                             "--seed HOST:PORT",
                             directory.root().native())};
  const bool is_settled = mark ? mark->id != 0 : !is_new;
  if (const auto present = mark ? mark->shards : 1; is_settled && fresh.shards != 0 && fresh.shards != present)
    return other_shards(present, fresh.shards);
  if (mark) return {};
  if (is_new && !seeds.empty()) return directory.enter({});
  return directory.enter({fresh.id, true, is_new ? std::max(fresh.shards, 1u) : 1u});
}

cluster_edge::cluster_edge(journal::data_directory& directory, edge_options options)
    : directory_(directory),
      options_(std::move(options)),
      inlet_([this](const model::ports::node_card& peer) { on_peer(peer); }),
      links_({.card = options_.card, .seeds = options_.seeds, .tls = options_.tls}, inlet_) {}

result<std::string> cluster_edge::address_of(model::node_id node) const {
  for (const auto& link : links_.links())
    if (link.node == node && !link.address.empty()) return link.address;
  return error{errc::not_found, fmt::format("nobody knows where node {:016x} is", node.raw())};
}

std::vector<living_nodes::sighting> cluster_edge::peers() const {
  std::vector<living_nodes::sighting> all;
  for (const auto& link : links_.links())
    if (link.node.raw() != 0 && !link.address.empty()) all.push_back({link.address, link.connected || link.is_heard});
  return all;
}

std::vector<std::string> cluster_edge::addresses() const {
  std::vector<std::string> all;
  for (auto& peer : peers()) all.push_back(std::move(peer.address));
  return all;
}

/// The first node of a cluster that is met says which one this node joins. It stands on the disk before anything of it is heard.
void cluster_edge::on_peer(const model::ports::node_card& peer) {
  if (peer.cluster == 0 || directory_.cluster()->id != 0) return;
  const auto wanted = options_.shards_wanted;
  if (wanted != 0 && wanted != peer.shards) return options_.on_fatal(other_shards(peer.shards, wanted));
  if (const auto entered = directory_.enter({peer.cluster, false, peer.shards}); !entered)
    return options_.on_fatal(entered.error());
  log::info("cluster_joined", "cluster={:016x} through={} shards={}", peer.cluster, peer.address, peer.shards);
  if (peer.shards != 1) return options_.begin_again();
  links_.set_cluster(peer.cluster);
}

snapshot_edge::snapshot_edge(replica::storage& storage, const replica::options& of, const cluster_edge& cluster)
    : own_(storage, of.founders.value_or(raft::configuration{{of.raft.self}, {}})),
      fetched_(storage, [this, &cluster](model::node_id from, replica::shard_no shard, const auto& take) -> result<void> {
        TROUPE_TRY(const auto address, cluster.address_of(from));
        // However long a snapshot takes, it may go on as long as bytes come.
        const http::peer_limits limits{1s, 10s, std::chrono::steady_clock::time_point::max(), 1_MiB, &stop_, cluster.tls()};
        return http::peer_client{address, limits}.get_snapshot(shard.raw(), take);
      }) {}

void snapshot_edge::stop() {
  stop_.raise();
  fetched_.stop();
}

}  // namespace troupe::cli
