#pragma once

#include "actors/roll.hpp"
#include "base/units.hpp"
#include "http/auth/tls_context.hpp"
#include "http/file_descriptor.hpp"
#include "http/inspection/place.hpp"
#include "http/inspection/watch.hpp"
#include "model/ids.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe::http::inspection {

struct options {
  model::node_id self;
  std::string address;                         ///< of this node, "host:port"
  const actors::actor_roll& roll;              ///< of this node; outlives the inspection
  std::function<std::vector<place>()> others;  ///< called on the inspection's thread; may be empty
  const auth::tls_context* tls = nullptr;      ///< what this node proves itself with; outlives the inspection
  std::size_t viewers_most = 64;               ///< further ones are turned away
  std::size_t nodes_most = 256;                ///< of other nodes that look for their viewers
  std::size_t glances_most = 64;               ///< that wait at the same time
  duration silence_most = 10s;                 ///< of a viewer, which is asked after half of it
};

/// Shows the actors of all nodes to those who look, and does nothing while nobody does: viewers are WebSockets; while one of them
/// wants the cluster, this node is itself a viewer of each other one. A slow viewer gets fewer messages, none of them old. A
/// thread of its own does it all, so that no request and no actor waits for it. It outlives the server that gives it its viewers.
class inspection {
 public:
  explicit inspection(options with);
  ~inspection();  ///< as `stop`
  inspection(const inspection&) = delete;
  inspection& operator=(const inspection&) = delete;

  /// Whether one viewer more is let in, or another node. Any thread.
  [[nodiscard]] bool has_room(bool is_node) const noexcept;
  /// Takes over the connection of a viewer, who speaks first (`watch`). Any thread.
  /// @param tls     over that socket; null: the connection is plain
  /// @param key     the request's Sec-WebSocket-Key
  /// @param unread  what came behind the request
  void adopt(file_descriptor socket, std::unique_ptr<auth::tls_session> tls, std::string key, std::string unread, bool is_node);
  /// Calls `answer` with one full message, within a second; on the thread of the inspection, or here, with nothing, if it has
  /// been stopped. What other nodes show may be a fifth of a second old. Any thread.
  /// @returns false, and does not call it, if too many wait already
  [[nodiscard]] bool glance(watch wanted, std::function<void(std::string)> answer);
  /// No glance may come any more.
  void stop();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace troupe::http::inspection
