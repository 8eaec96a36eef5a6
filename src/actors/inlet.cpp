#include "actors/inlet.hpp"

#include <caf/send.hpp>

namespace troupe::actors {

void inlet::open(shard_actor to) {
  const std::lock_guard lock{mutex_};
  to_ = std::move(to);
  if (met_) caf::anon_send(to_, *met_);
}

void inlet::close() {
  const std::lock_guard lock{mutex_};
  to_ = nullptr;
}

void inlet::on_peer(const model::ports::node_card& peer) {
  on_peer_(peer);
  const std::lock_guard lock{mutex_};
  met_ = {peer.node, peer.reads};
  if (to_) caf::anon_send(to_, *met_);
}

void inlet::on_frame(model::node_id from, std::string frame) {
  const std::lock_guard lock{mutex_};
  if (to_) caf::anon_send(to_, frame_arrived{from, std::move(frame)});
}

void inlet::on_gone(model::node_id peer) {
  const std::lock_guard lock{mutex_};
  if (to_) caf::anon_send(to_, peer_gone{peer});
}

void inlet::on_refused(model::node_id by, const std::string& why, bool is_final) {
  const std::lock_guard lock{mutex_};
  if (to_) caf::anon_send(to_, refused_by_peer{by, why, is_final});
}

}  // namespace troupe::actors
