#pragma once

#include "cli/node_loads.hpp"
#include "http/poll_socket.hpp"

#include <string>

namespace troupe::cli {

/// Asks the nodes of a cluster for their load, one after the other, and remembers what they said.
class load_reader {
 public:
  struct place {
    model::node_id node;
    std::string address;  ///< "host:port"
  };
  /// @param tls  what this node proves itself with; outlives this. Null: the cluster has no certificates.
  explicit load_reader(const auth::tls_context* tls) : tls_(tls) {}

  /// Asks those that were not asked since `since`, for a second in all; the others are asked the next time.
  [[nodiscard]] node_loads::averages read(const std::vector<place>& nodes, timestamp now, timestamp since);
  /// Ends what goes on, for good. Any thread.
  void stop() noexcept { stop_.raise(); }

 private:
  const auth::tls_context* tls_;
  http::stop_signal stop_;
  node_loads heard_;
};

}  // namespace troupe::cli
