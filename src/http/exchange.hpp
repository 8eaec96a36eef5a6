#pragma once

#include "http/auth/tls_session.hpp"
#include "http/file_descriptor.hpp"
#include "http/http.hpp"
#include "http/request.hpp"
#include "http/response.hpp"

#include <boost/asio/awaitable.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>

namespace troupe::http {

class blocking_pool;
class bridge;
class metrics;

template <class T>
using awaitable = boost::asio::awaitable<T>;
using steady_time = std::chrono::steady_clock::time_point;

/// An artifact store and the threads that may wait for it.
struct artifact_access {
  model::ports::artifact_store& store;
  blocking_pool& pool;
};

/// What all connections of a server share.
struct application {
  const server_options& options;
  services& with;
  metrics& counts;
  blocking_pool& blocking;  ///< for this node's own disk: its work never waits for another node
  /// For what may wait for other nodes. They answer from their `blocking`, so that no two nodes can wait for each other.
  blocking_pool& remote;
  const std::atomic<bool>& is_draining;  ///< the node is shutting down: submissions are refused, everything else goes on
  std::shared_ptr<actors::actor_roll::entry> stands = {};  ///< of the edge on the node's roll; null: nobody counts

  [[nodiscard]] artifact_access artifacts() const { return {with.artifacts, remote}; }
  /// What is on this node's own disk; it never waits for another node. The same as `artifacts` outside of a cluster.
  [[nodiscard]] artifact_access own_artifacts() const {
    return {with.own_artifacts ? *with.own_artifacts : with.artifacts, blocking};
  }
};

/// A connection that is HTTP's no longer.
struct taken_connection {
  file_descriptor socket;
  std::unique_ptr<auth::tls_session> tls;  ///< over that socket; null: it is plain
  std::string unread;                      ///< what came behind the request
};

/// One request and the way to answer it, as endpoints see it. Everything here belongs to the thread of one event loop.
class exchange {
 public:
  virtual ~exchange() = default;

  request in;
  std::string parameter;  ///< what stands for {id} in the route

  [[nodiscard]] virtual application& app() const = 0;
  [[nodiscard]] virtual bridge& actors() = 0;

  /// The body's length if the client told it; nothing for chunked bodies.
  [[nodiscard]] virtual std::optional<std::uint64_t> content_length() const = 0;
  [[nodiscard]] virtual bool has_body() const = 0;
  /// The next piece of the body, valid until the next call; empty at the end.
  /// @returns `errc::bad_request` for broken framing or a client that left, `errc::timed_out` for one that is too slow.
  [[nodiscard]] virtual awaitable<result<std::string_view>> read_piece() = 0;
  /// The whole body. @returns `errc::too_large` above `most`.
  [[nodiscard]] awaitable<result<std::string>> read_all(bytes most);

  /// Starts an answer whose body follows with `send`: with this length, or chunked. @returns false when the client is gone.
  [[nodiscard]] virtual awaitable<bool> send_head(const response& head, std::optional<std::uint64_t> length) = 0;
  /// Sends a part of the body. @returns false when the client is gone.
  [[nodiscard]] virtual awaitable<bool> send(std::string_view data) = 0;

  /// Takes the connection away from HTTP, with a request that has no body. The endpoint then returns a `sent` answer, whose
  /// status is only counted. @returns nothing when the client is gone.
  [[nodiscard]] virtual awaitable<std::optional<taken_connection>> take_connection() = 0;

  /// Sleeps until something happens to this exchange: `notify`, a client that leaves, the server stopping, or the time.
  [[nodiscard]] virtual awaitable<void> wait(steady_time until) = 0;
  /// Sleeps until `notify`, whatever else happens.
  [[nodiscard]] virtual awaitable<void> wait_for_notify() = 0;
  virtual void notify() = 0;
  /// A function that calls `notify` on the right thread; it may be called on any thread and outlive the exchange.
  [[nodiscard]] virtual std::function<void()> notifier() = 0;
  /// The node that the client has proven to be.
  [[nodiscard]] virtual std::optional<model::node_id> peer() const = 0;
  [[nodiscard]] virtual bool has_left() const = 0;
  [[nodiscard]] virtual bool is_stopping() const = 0;
};

}  // namespace troupe::http
