#pragma once

#include "model/cluster_version.hpp"
#include "model/ids.hpp"
#include "model/node_start.hpp"

#include <string>

namespace troupe::model::ports {

/// Who a node is, as it says when a link opens.
struct node_card {
  node_id node;
  incarnation boot;
  std::uint64_t cluster = 0;                      ///< 0: it belongs to none yet
  std::string address;                            ///< "host:port" where its peers reach it
  std::uint64_t mark = 0;                         ///< drawn at this start of its process
  version_range reads = {};                       ///< of the log's commands
  std::uint32_t shards = 1;                       ///< of its cluster
  std::vector<std::uint64_t> earlier_marks = {};  ///< as of `node_start`
  friend bool operator==(const node_card&, const node_card&) = default;
};

/// What the cluster has committed of a node.
struct node_standing {
  incarnation boot;         ///< its last start that was announced; an earlier one is that of an old copy
  std::uint64_t mark = 0;   ///< of that start; 0: unknown
  bool is_removed = false;  ///< it does not belong to the cluster any more
  std::string why;          ///< of a removal, for people
  friend bool operator==(const node_standing&, const node_standing&) = default;
};

/// Carries frames from this node to others. A frame may get lost, with all others that wait behind it; it comes at most once,
/// whole, and after those that were sent before it. Nobody is told of a loss: what matters is sent again.
class transport {
 public:
  virtual ~transport() = default;
  /// Returns at once, from any thread. Dropped if nobody knows where the node is, if too much waits for it already, or if the
  /// frame is larger than the transport takes.
  virtual void send(node_id to, std::string frame) = 0;
  /// Where to reach a node from now on, from any thread; the same again changes nothing. What the node itself says later, when a
  /// link opens, takes the place of it.
  /// @param address  "host:port"; an empty one is ignored
  virtual void set_address(node_id node, const std::string& address) = 0;
  /// From now on only a node that is in accordance with this is linked to. Any thread.
  virtual void set_standing(node_id node, const node_standing& standing) = 0;
  /// From now on only nodes are linked to that read commands of this version. Any thread.
  virtual void set_cluster_version(std::uint32_t version) = 0;
};

/// What arrives. Called on threads of the transport, for one peer never by two at a time; must not block. May call the transport.
class transport_listener {
 public:
  virtual ~transport_listener() = default;
  /// A link to or from this node has opened: frames can be sent to it. Comes again with each link, before its first frame; the
  /// card is of that moment.
  virtual void on_peer(const node_card& peer) = 0;
  virtual void on_frame(node_id from, std::string frame) = 0;
  /// After one or more frames: what has come by now is handed on, and the thread has nothing else to do.
  virtual void on_rest() = 0;
  /// Nobody listens at this node's address any more: its process has ended. Not said of one that is merely silent.
  virtual void on_gone(node_id peer) = 0;
  /// Another node wants no link with this one. @param is_final  by what the cluster has committed: it will not change its mind
  virtual void on_refused(node_id by, const std::string& why, bool is_final) = 0;
};

}  // namespace troupe::model::ports
