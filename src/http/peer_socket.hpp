#pragma once

#include "base/error.hpp"
#include "base/units.hpp"
#include "http/auth/tls_context.hpp"
#include "http/file_descriptor.hpp"
#include "model/ids.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::http {

inline constexpr std::string_view peer_link_path = "/v1/peers/link";

/// One connection between two nodes, or with a viewer: a WebSocket (RFC 6455) that carries binary messages, or only text. The
/// only place that knows how such a connection is made and what it is made of. A coroutine that uses it must own it. All members
/// belong to the executor's thread.
class peer_socket {
 public:
  /// @param silence_most  the connection is closed when nothing has come for this long; after half of it a ping asks
  /// @param tls           what this node proves itself with where it dials; outlives this. Null: it dials without TLS.
  /// @param speaks        what its messages are; others close it
  enum class content : std::uint8_t { binary, text };
  peer_socket(boost::asio::any_io_executor executor, duration silence_most, const auth::tls_context* tls,
              content speaks = content::binary);
  ~peer_socket();  ///< closes at once
  peer_socket(const peer_socket&) = delete;
  peer_socket& operator=(const peer_socket&) = delete;

  /// Connects to "host:port" and upgrades the connection, which becomes that of `path`. A name is looked up; that cannot be
  /// broken off.
  /// @returns `errc::not_found` if nobody listens there, `errc::conflict` if who does wants no such connection
  [[nodiscard]] boost::asio::awaitable<result<void>> dial(std::string address, std::string_view path = peer_link_path);
  /// Answers an upgrade that was read already.
  /// @param tls     over `from`, with the handshake behind it; null: the connection is plain
  /// @param key     the header Sec-WebSocket-Key
  /// @param unread  what came behind the request; a client that keeps to RFC 6455, 4.1 has sent nothing
  [[nodiscard]] boost::asio::awaitable<result<void>> accept(file_descriptor from, std::unique_ptr<auth::tls_session> tls,
                                                            std::string key, std::string unread);

  /// The next message. One reader at a time; also needed on a connection that only sends, for it answers pings and sees the end.
  /// @returns an error for the end of the connection, for a message of the wrong kind, and for more than `most`; it is closed
  /// then.
  [[nodiscard]] boost::asio::awaitable<result<std::string>> read(bytes most);
  /// Sends one message. One writer at a time. `message` is used until this is over.
  [[nodiscard]] boost::asio::awaitable<result<void>> write(std::string_view message);

  /// The node that the other side has proven to be, by its certificate.
  [[nodiscard]] std::optional<model::node_id> proven() const;

  /// Closes the connection when the time is over, with this reason. A later call replaces an earlier one.
  void close_after(duration limit, std::string why);
  void keep_open();  ///< forgets `close_after`
  /// Says why before it closes (RFC 6455, 5.5.1), within a second. Nobody may read meanwhile.
  [[nodiscard]] boost::asio::awaitable<void> refuse(std::string why);
  /// Ends all that goes on, from now. The first reason stays.
  void close(std::string why);
  [[nodiscard]] bool is_open() const noexcept;
  [[nodiscard]] const std::string& why_closed() const noexcept;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace troupe::http
