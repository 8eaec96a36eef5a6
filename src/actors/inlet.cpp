#include "actors/inlet.hpp"

#include "actors/party.hpp"
#include "base/log.hpp"
#include "persistence/replica/peer_codec.hpp"

#include <caf/actor_cast.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/send.hpp>

#include <map>
#include <utility>

namespace troupe::actors {

template <class Fact>
void inlet::tell_all(const Fact& fact) {
  const speaking_as links{party::links};
  for (const auto& shard : to_) caf::anon_send(shard, fact);
}

void inlet::open(std::vector<shard_actor> to) {
  const std::lock_guard lock{mutex_};
  to_ = std::move(to);
  thread_.emplace(to_.front()->home_system(), [] {});  // `on_rest` follows
  if (met_) tell_all(*met_);
}

void inlet::close() {
  const std::lock_guard lock{mutex_};
  to_.clear();
  thread_.reset();
}

void inlet::on_peer(const model::ports::node_card& peer) {
  on_peer_(peer);
  const std::lock_guard lock{mutex_};
  met_ = {peer.node, peer.reads};
  tell_all(*met_);
}

void inlet::on_frame(model::node_id from, std::string frame) {
  const std::lock_guard lock{mutex_};
  if (to_.size() == 1)
    hand(to_.front(), frame_arrived{from, std::move(frame)});
  else if (!to_.empty())
    hand_out(from, frame);
}

void inlet::on_rest() {
  const std::lock_guard lock{mutex_};
  if (thread_) thread_->run();
}

template <class Message>
void inlet::hand(const shard_actor& to, Message message) {
  const speaking_as links{party::links};
  thread_->send(caf::actor_cast<caf::strong_actor_ptr>(to),
                caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, std::move(message)));
}

void inlet::hand_out(model::node_id from, std::string_view frame) {
  auto messages = replica::decode_frame(frame);
  if (!messages)
    return log::warn("peer_frame_refused", "from={:016x} bytes={} why=\"{}\"", from.raw(), frame.size(), messages.error().detail);
  std::map<model::shard_no, messages_arrived> by_shard;
  for (auto& message : *messages)
    if (message.from.raw() == from.raw() && message.shard.raw() < to_.size())
      by_shard[message.shard].messages.push_back(std::move(message));
  for (auto& [shard, arrived] : by_shard) hand(to_[shard.raw()], std::move(arrived));
}

void inlet::on_gone(model::node_id peer) {
  const std::lock_guard lock{mutex_};
  tell_all(peer_gone{peer});
}

void inlet::on_refused(model::node_id by, const std::string& why, bool is_final) {
  const std::lock_guard lock{mutex_};
  tell_all(refused_by_peer{by, why, is_final});
}

}  // namespace troupe::actors
