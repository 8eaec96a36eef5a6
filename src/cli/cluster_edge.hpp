#pragma once

#include "actors/inlet.hpp"
#include "actors/snapshots.hpp"
#include "cli/living_nodes.hpp"
#include "http/peer_links.hpp"
#include "http/poll_socket.hpp"
#include "persistence/journal/data_directory.hpp"
#include "persistence/replica/replica.hpp"

#include <functional>
#include <string>
#include <vector>

// What makes a node one of several: the links to the others, and what comes and goes over them.
namespace troupe::cli {

/// A cluster that begins here, should one.
struct fresh_cluster {
  std::uint64_t id = 0;      ///< random; not 0
  std::uint32_t shards = 0;  ///< as the operator wants it; 0: he has not said
};
/// A node founds its own cluster unless it is told to join one; what its directory says goes before that. Durable on return.
/// @returns `errc::bad_request` for a node that was to join a cluster, has not yet, and is given no seed; and where a number of
/// shards is wanted that the cluster does not have
[[nodiscard]] result<void> settle_cluster(const std::vector<std::string>& seeds, journal::data_directory& directory,
                                          const fresh_cluster& fresh);

struct edge_options {
  std::vector<std::string> seeds;
  model::ports::node_card card;            ///< of this node
  const auth::tls_context* tls = nullptr;  ///< how nodes prove who they are; outlives the edge. Null: they do not
  std::uint32_t shards_wanted = 0;         ///< 0: as many as the cluster has
  /// Called on the links' thread when the directory cannot be written, or the cluster is not what was wanted.
  std::function<void(error)> on_fatal;
  /// Called on the links' thread, once, when this node has joined a cluster of several shards: that is in the directory now, and
  /// the node, which holds nothing yet, was started as one of a single shard.
  std::function<void()> begin_again;
};

/// The links to other nodes, and what becomes known of the cluster through them.
class cluster_edge {
 public:
  /// @param directory  outlives this; its cluster is settled
  cluster_edge(journal::data_directory& directory, edge_options options);

  [[nodiscard]] http::peer_links& links() noexcept { return links_; }
  [[nodiscard]] const http::peer_links& links() const noexcept { return links_; }
  [[nodiscard]] actors::inlet& inlet() noexcept { return inlet_; }
  [[nodiscard]] const auth::tls_context* tls() const noexcept { return options_.tls; }
  /// "host:port" of another node. Any thread. @returns `errc::not_found` if nobody has said where it is
  [[nodiscard]] result<std::string> address_of(model::node_id node) const;
  /// The other nodes, and whether there is a link with them. Any thread.
  [[nodiscard]] std::vector<living_nodes::sighting> peers() const;
  /// The other nodes, as "host:port". Any thread.
  [[nodiscard]] std::vector<std::string> addresses() const;

 private:
  void on_peer(const model::ports::node_card& peer);

  journal::data_directory& directory_;
  const edge_options options_;
  actors::inlet inlet_;
  http::peer_links links_;
};

/// Snapshots of shards: those of this node for others, and those that it fetches.
class snapshot_edge {
 public:
  /// @param storage, cluster  outlive this
  snapshot_edge(replica::storage& storage, const replica::options& of, const cluster_edge& cluster);
  /// Ends a fetch that is under way.
  void stop();

  [[nodiscard]] actors::shard_snapshots& own() noexcept { return own_; }
  [[nodiscard]] actors::snapshot_thread& fetched() noexcept { return fetched_; }

 private:
  http::stop_signal stop_;
  actors::shard_snapshots own_;
  actors::snapshot_thread fetched_;
};

}  // namespace troupe::cli
