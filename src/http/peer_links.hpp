#pragma once

#include "base/error.hpp"
#include "base/units.hpp"
#include "http/auth/tls_context.hpp"
#include "http/file_descriptor.hpp"
#include "model/ports/transport.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace troupe::http {

struct peer_options {
  model::ports::node_card card;    ///< of this node; its address may also come with `start`
  std::vector<std::string> seeds;  ///< "host:port" of some nodes of the cluster; this node may be among them
  bytes waiting_most = 32_MiB;     ///< of frames that wait for one peer; a single larger frame may wait alone
  bytes frame_most = 64_MiB;       ///< one frame, sent or received
  duration waiting_age_most = 2s;  ///< of a frame for a peer that cannot be reached
  duration dial_timeout = 2s;      ///< until a connection is made and upgraded
  duration hello_timeout = 2s;     ///< until the other side has said who it is
  duration silence_most = 2s;      ///< of a peer, which is asked after half of it; then the link is closed
  duration redial_least = 50ms;    ///< first pause before dialling again; doubles up to `redial_most`
  duration redial_most = 1s;
  duration redial_refused = 5s;    ///< the same where one side has refused the other
  std::uint32_t peers_most = 128;  ///< nodes that may make themselves known here
  /// What this node proves itself with; outlives the links. Each side then believes only the node that a certificate names.
  const auth::tls_context* tls = nullptr;
};

/// The state of the links with one peer, for operators. Counts are since the start of this node.
struct link_status {
  model::node_id node;           ///< 0: a seed that has not been reached yet
  std::string address;           ///< "host:port"; empty: unknown
  bool connected = false;        ///< the link on which frames go out is open
  bool is_heard = false;         ///< the link on which frames come in is open
  bool is_refused = false;       ///< of a seed: it answered, and one of the two would not have the other
  bytes waiting;                 ///< frames that wait or are being written, and what it takes to keep them
  std::uint64_t frames_out = 0;  ///< written to the connection; the peer need not have them
  std::uint64_t frames_in = 0;
  bytes bytes_out;  ///< of those frames, without what WebSockets add
  bytes bytes_in;
  std::uint64_t dropped = 0;  ///< frames to it that were thrown away here
  std::string last_error;     ///< why the last link ended or was not made, for people
};

/// The links between this node and its peers: WebSockets on the nodes' ordinary ports. A node sends only on links that it dialled
/// itself, and hears on those that its peers dialled. It dials a peer once it knows where that is, and from then on keeps the
/// link open: each of two nodes finds out whether the other is the one that the cluster means. Seeds are dialled from the start,
/// until they have said who they are. A thread of its own does it all, and calls the listener.
class peer_links final : public model::ports::transport {
 public:
  /// Nothing is dialled and nobody is answered before `start`. The listener outlives this.
  peer_links(peer_options options, model::ports::transport_listener& listener);
  ~peer_links() override;  ///< as `stop`
  peer_links(const peer_links&) = delete;
  peer_links& operator=(const peer_links&) = delete;

  /// Dials and answers from now on. Call it once.
  /// @param address  "host:port" where peers reach this node, if the options did not say it (a node on port 0 learns it late)
  /// @returns `errc::bad_request` if this address or a seed is not "host:port"
  [[nodiscard]] result<void> start(const std::string& address = {});
  /// Frames for nodes without a known address, for this node itself and above `frame_most` are dropped.
  void send(model::node_id to, std::string frame) override;
  void set_address(model::node_id node, const std::string& address) override;
  void set_standing(model::node_id node, const model::ports::node_standing& standing) override;
  void set_cluster_version(std::uint32_t version) override;
  /// Which cluster this node belongs to from now on, as links say that open from now on. Links with nodes of another are closed.
  /// Any thread.
  void set_cluster(std::uint64_t cluster);
  /// 0: none yet. Any thread.
  [[nodiscard]] std::uint64_t cluster() const;

  /// Takes over a connection whose client asked for a link; the HTTP server calls it, on any thread.
  /// @param tls     over that socket; null: the connection is plain
  /// @param key     the request's Sec-WebSocket-Key
  /// @param unread  what came behind the request
  void adopt(file_descriptor socket, std::unique_ptr<auth::tls_session> tls, std::string key, std::string unread);

  /// Whether there was a link with the node at "host:port", and there is none now in either direction. Any thread.
  [[nodiscard]] bool is_silent(const std::string& address) const;
  /// Peers by their ids, then seeds that have not been reached. Any thread.
  [[nodiscard]] std::vector<link_status> links() const;

  /// Closes all links. The listener is not called any more when this returns; call it from another thread than the listener's.
  void stop();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace troupe::http
