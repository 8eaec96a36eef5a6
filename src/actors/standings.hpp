#pragma once

#include "model/ports/transport.hpp"

#include <map>
#include <mutex>
#include <string>

namespace troupe::actors {

/// The way to other nodes for several shards, each of which says what it has committed of a node: the newest start counts, and
/// who was taken out of one shard is out.
class joined_standings final : public model::ports::transport {
 public:
  /// @param to  outlives this
  explicit joined_standings(model::ports::transport& to) : to_(to) {}
  void send(model::node_id to, std::string frame) override { to_.send(to, std::move(frame)); }
  void set_address(model::node_id node, const std::string& address) override { to_.set_address(node, address); }
  void set_standing(model::node_id node, const model::ports::node_standing& standing) override;
  void set_cluster_version(std::uint32_t version) override { to_.set_cluster_version(version); }

 private:
  model::ports::transport& to_;
  std::mutex mutex_;
  std::map<model::node_id, model::ports::node_standing> known_;
};

}  // namespace troupe::actors
