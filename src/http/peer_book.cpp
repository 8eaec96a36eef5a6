#include "http/peer_book.hpp"

#include "base/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace troupe::http {

using model::node_id;
using model::ports::node_card;

namespace {

std::string two_of(node_id node) {
  return fmt::format("two processes say that they are node {:016x}: one of the data directories is a copy", node.raw());
}

}  // namespace

peer_book::peer_book(const peer_options& options)
    : waiting_most_(options.waiting_most),
      frame_most_(options.frame_most),
      waiting_age_most_(options.waiting_age_most),
      peers_most_(options.peers_most) {
  own_.card = options.card;
  for (const auto& seed : options.seeds) seeds_[seed];
}

// -- who is who -------------------------------------------------------------------------------------------------------

peer_hello peer_book::own() const {
  const std::lock_guard lock{mutex_};
  return own_;
}

void peer_book::set_own_address(const std::string& address) {
  const std::lock_guard lock{mutex_};
  own_.card.address = address;
}

void peer_book::set_cluster(std::uint64_t cluster) {
  const std::lock_guard lock{mutex_};
  own_.card.cluster = cluster;
}

bool peer_book::is_of_ours(std::uint64_t cluster) const {
  const std::lock_guard lock{mutex_};
  return cluster == 0 || own_.card.cluster == 0 || cluster == own_.card.cluster;
}

peer_book::admission peer_book::judge(const peer_hello& theirs) const {
  const auto refuse = [](std::string why, bool is_final = false) {
    return admission{verdict::refused, std::move(why), is_final};
  };
  const std::lock_guard lock{mutex_};
  const auto& mine = own_.card;
  const auto& card = theirs.card;
  if (theirs.version_least > own_.version_most || theirs.version_most < own_.version_least) {
    return refuse(fmt::format("this node speaks versions {} to {} of the protocol between nodes, that one {} to {}",
                              own_.version_least, own_.version_most, theirs.version_least, theirs.version_most));
  }
  if (card.node == mine.node) {
    if (card.boot == mine.boot && card.address == mine.address && card.mark == mine.mark) return {verdict::itself, {}};
    return refuse(two_of(card.node));
  }
  if (card.cluster != 0 && mine.cluster != 0 && card.cluster != mine.cluster) {
    return refuse(
        fmt::format("this is cluster {:016x}, that is cluster {:016x}: a node belongs to one cluster for life; start it "
                    "with an empty data directory to join",
                    mine.cluster, card.cluster));
  }
  if (card.cluster != 0 && mine.cluster != 0 && card.shards != mine.shards)
    return refuse(fmt::format("this cluster has {} shards, that node says {}", mine.shards, card.shards));
  if (auto why = why_unwelcome(card)) return refuse(std::move(*why), true);
  if (cluster_version_) {
    const auto readable = model::check_version(*cluster_version_, card.reads, fmt::format("node {:016x}", card.node.raw()));
    if (!readable) return refuse(readable.error().detail);
  }
  const auto known = peers_.find(card.node);
  if (known == peers_.end()) {
    if (peers_.size() < peers_most_) return {verdict::welcome, {}};
    return refuse(fmt::format("this node knows {} others already", peers_.size()));
  }
  const auto& before = known->second.card;
  if (why_unwelcome(before)) return {verdict::welcome, {}};  // it was met before this node had the cluster's word of it
  if (card.boot < before.boot) {
    return refuse(
        fmt::format("this is start {} of node {:016x}, which has been seen in its start {}: a newer process runs with "
                    "its data directory, or a copy",
                    card.boot.raw(), card.node.raw(), before.boot.raw()));
  }
  if (card.boot == before.boot && card.mark != before.mark) return refuse(two_of(card.node));
  if (card.address == before.address) return {verdict::welcome, {}};
  // A node that has moved has left where it was. A copy of its directory would bring a log of yesterday in its name.
  const auto& link = known->second.shown;
  if (card.boot == before.boot || link.connected || link.is_heard) return refuse(two_of(card.node));
  return {verdict::welcome, {}};
}

/// By what the cluster has committed.
std::optional<std::string> peer_book::why_unwelcome(const node_card& card) const {
  constexpr std::string_view remedy = "start it with an empty data directory: it will join as a new node";
  const auto found = standings_.find(card.node);
  if (found == standings_.end()) return std::nullopt;
  const auto& last = found->second;
  if (last.is_removed)
    return fmt::format("node {:016x} was taken out of the cluster ({}); {}", card.node.raw(), last.why, remedy);
  const auto in_order = model::check_start(card.node, {card.boot, card.mark, card.earlier_marks}, last.boot, last.mark);
  return in_order ? std::nullopt : std::optional{in_order.error().detail};
}

void peer_book::set_standing(node_id node, const model::ports::node_standing& standing) {
  const std::lock_guard lock{mutex_};
  standings_[node] = standing;
  const auto at = peers_.find(node);
  if (!standing.is_removed || at == peers_.end()) return;
  for (const auto& waits : at->second.frames) at->second.weight -= weight_of(waits.frame.size());
  at->second.frames.clear();
}

void peer_book::set_cluster_version(std::uint32_t version) {
  const std::lock_guard lock{mutex_};
  cluster_version_ = std::max(version, cluster_version_.value_or(version));
}

bool peer_book::is_removed(node_id node) const {
  const std::lock_guard lock{mutex_};
  const auto found = standings_.find(node);
  return found != standings_.end() && found->second.is_removed;
}

void peer_book::remember(const node_card& peer) {
  const std::lock_guard lock{mutex_};
  auto& known = peers_[peer.node];
  if (known.card.address != peer.address) known.address = peer.address;
  known.card = peer;
  seeds_.erase(peer.address);
}

bool peer_book::has_met(const std::string& address) const {
  const std::lock_guard lock{mutex_};
  return std::ranges::any_of(peers_, [&](const auto& entry) { return entry.second.card.address == address; });
}

bool peer_book::set_address(node_id node, const std::string& address) {
  const std::lock_guard lock{mutex_};
  if (node == own_.card.node || address.empty()) return false;
  auto& peer = peers_[node];
  if (peer.given == address) return false;  // what the node itself said since then is newer
  peer.given = address;
  peer.address = address;
  return true;
}

std::string peer_book::address_of(node_id node) const {
  const std::lock_guard lock{mutex_};
  const auto at = peers_.find(node);
  return at == peers_.end() ? std::string{} : at->second.address;
}

// -- frames -----------------------------------------------------------------------------------------------------------

bool peer_book::put(node_id to, std::string frame, time now) {
  const std::lock_guard lock{mutex_};
  const auto at = peers_.find(to);
  const auto standing = standings_.find(to);
  if (at == peers_.end() || at->second.address.empty() || (standing != standings_.end() && standing->second.is_removed))
    return false;
  auto& peer = at->second;
  if (!peer.shown.connected) drop_old(peer, now);
  if (frame.size() > frame_most_.count()) {
    refuse_frame(to, peer, frame.size(), "it is larger than a frame may be");
    return false;
  }
  const auto weight = weight_of(frame.size());
  if (peer.weight > 0 && peer.weight + weight > waiting_most_.count()) {
    refuse_frame(to, peer, frame.size(), "too much waits for this peer");
    return false;
  }
  if (peer.weight == 0) peer.is_overfull = false;
  peer.weight += weight;
  peer.frames.push_back({std::move(frame), now});
  return !std::exchange(peer.is_awake, true);
}

/// Says so once, until the peer has caught up.
void peer_book::refuse_frame(node_id to, record& peer, std::size_t size, const char* why) {
  ++peer.shown.dropped;
  if (std::exchange(peer.is_overfull, true)) return;
  log::warn("peer_frames_dropped", "peer={:016x} address={} frame_bytes={} waiting_bytes={} why=\"{}\"", to.raw(), peer.address,
            size, peer.weight, why);
}

std::optional<std::string> peer_book::take(node_id to) {
  const std::lock_guard lock{mutex_};
  auto& peer = peers_[to];
  if (peer.frames.empty()) {
    peer.is_awake = false;
    return std::nullopt;
  }
  auto frame = std::move(peer.frames.front().frame);
  peer.frames.pop_front();
  return frame;
}

void peer_book::sent(node_id to, std::size_t size, bool is_sent) {
  const std::lock_guard lock{mutex_};
  auto& peer = peers_[to];
  peer.weight -= weight_of(size);
  if (!is_sent) {
    ++peer.shown.dropped;
    return;
  }
  ++peer.shown.frames_out;
  peer.shown.bytes_out = peer.shown.bytes_out + bytes{size};
}

void peer_book::drop_old(node_id to, time now) {
  const std::lock_guard lock{mutex_};
  drop_old(peers_[to], now);
}

void peer_book::drop_old(record& peer, time now) {
  while (!peer.frames.empty() && now - peer.frames.front().since > waiting_age_most_) {
    peer.weight -= weight_of(peer.frames.front().frame.size());
    peer.frames.pop_front();
    ++peer.shown.dropped;
  }
}

// -- what operators see -----------------------------------------------------------------------------------------------

void peer_book::set_connected(node_id node, bool is_connected) {
  const std::lock_guard lock{mutex_};
  auto& peer = peers_[node];
  peer.shown.connected = is_connected;
  peer.was_linked |= is_connected;
}

void peer_book::set_heard(node_id node, bool is_heard) {
  const std::lock_guard lock{mutex_};
  auto& peer = peers_[node];
  peer.shown.is_heard = is_heard;
  peer.was_linked |= is_heard;
}

void peer_book::count_received(node_id from, std::size_t size) {
  const std::lock_guard lock{mutex_};
  auto& shown = peers_[from].shown;
  ++shown.frames_in;
  shown.bytes_in = shown.bytes_in + bytes{size};
}

void peer_book::set_error(node_id node, const std::string& why) {
  const std::lock_guard lock{mutex_};
  peers_[node].shown.last_error = why;
}

void peer_book::set_seed_error(const std::string& seed, const std::string& why, bool is_refused) {
  const std::lock_guard lock{mutex_};
  auto& known = seeds_[seed];
  known.last_error = why;
  known.is_refused = is_refused;
}

void peer_book::forget_seed(const std::string& seed) {
  const std::lock_guard lock{mutex_};
  seeds_.erase(seed);
}

bool peer_book::is_silent(const std::string& address) const {
  const std::lock_guard lock{mutex_};
  const auto is_lost = [&](const auto& entry) {
    const auto& peer = entry.second;
    return peer.address == address && peer.was_linked && !peer.shown.connected && !peer.shown.is_heard;
  };
  return std::ranges::any_of(peers_, is_lost);
}

std::vector<link_status> peer_book::links() const {
  const std::lock_guard lock{mutex_};
  std::vector<link_status> out;
  for (const auto& [node, peer] : peers_) {
    if (const auto standing = standings_.find(node); standing != standings_.end() && standing->second.is_removed) continue;
    auto& one = out.emplace_back(peer.shown);
    one.node = node;
    one.address = peer.address;
    one.waiting = bytes{peer.weight};
  }
  for (const auto& [address, seed] : seeds_) {
    out.push_back(seed);
    out.back().address = address;
  }
  return out;
}

}  // namespace troupe::http
