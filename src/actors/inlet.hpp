#pragma once

#include "actors/internal.hpp"
#include "actors/lent_thread.hpp"
#include "model/ports/transport.hpp"

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::actors {

/// Where frames of other nodes arrive: hands them to the actors of the replicas once there are any, and lets them run on the
/// transport's thread. What comes earlier is dropped.
class inlet final : public model::ports::transport_listener {
 public:
  /// @param on_peer  is told of a peer before anything that it says is handed on; on a thread of the transport
  explicit inlet(std::function<void(const model::ports::node_card&)> on_peer) : on_peer_(std::move(on_peer)) {}

  /// @param to  all shards, by their numbers
  void open(std::vector<shard_actor> to);
  void close();
  void on_peer(const model::ports::node_card& peer) override;
  void on_frame(model::node_id from, std::string frame) override;
  void on_rest() override;
  void on_gone(model::node_id peer) override;
  void on_refused(model::node_id by, const std::string& why, bool is_final) override;

 private:
  template <class Fact>
  void tell_all(const Fact& fact);
  template <class Message>
  void hand(const shard_actor& to, Message message);
  void hand_out(model::node_id from, std::string_view frame);

  std::function<void(const model::ports::node_card&)> on_peer_;
  std::mutex mutex_;
  std::vector<shard_actor> to_;
  std::optional<lent_thread> thread_;  // the transport's; while there is anybody to tell
  std::optional<peer_met> met_;        // the last one that came before there was anybody to tell
};

}  // namespace troupe::actors
