#pragma once

#include "base/error.hpp"
#include "base/units.hpp"
#include "http/auth/tls_context.hpp"
#include "http/file_descriptor.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace troupe::http {

/// Ends the waits of all sockets that know it, now and later. Any thread.
class stop_signal {
 public:
  stop_signal();
  void raise() noexcept;
  [[nodiscard]] bool is_raised() const noexcept;
  [[nodiscard]] int descriptor() const noexcept { return event_.raw(); }  ///< readable once it was raised

 private:
  file_descriptor event_;
};

/// How long another node is waited for, and how it is believed.
struct peer_limits {
  duration connect_timeout{};
  duration silence_most{};                           ///< no byte for so long: it is given up
  std::chrono::steady_clock::time_point deadline{};  ///< of everything, but for the bytes of files
  bytes rate_least;                                  ///< per second: so much more time has a file; not 0
  const stop_signal* stop = nullptr;                 ///< outlives what has these limits; not null
  const auth::tls_context* tls = nullptr;            ///< the same; null: plain, for nodes on this machine
  /// Whether others hear nothing of the node at "host:port". One that falls silent while it is waited for is given up before all
  /// limits. On the thread that waits; empty: nobody knows.
  std::function<bool(const std::string&)> is_silent = {};
};

/// A TCP connection to another node, with TLS if the limits say so, for one thread, which may block within the limits. Errors:
/// `errc::timed_out` at a limit, `errc::stopping`, `errc::io_failed` when the connection is refused or broken, and
/// `errc::conflict` for one that is no node of this cluster.
class poll_socket {
 public:
  /// @param address  "host:port", IPv6 as "[::1]:80". Looking a name up takes as long as the machine's resolver allows.
  [[nodiscard]] static result<poll_socket> connect(const std::string& address, const peer_limits& limits);

  /// Sends all of it. @returns false if there is something to receive instead (or the end of the stream): the rest was not sent.
  [[nodiscard]] result<bool> send(std::string_view data);
  /// Waits for bytes, for `silence_most` at the longest. @returns how many came; 0 at the end of the stream.
  [[nodiscard]] result<std::size_t> receive(std::span<char> into);
  /// The same with no other limit than the deadline.
  [[nodiscard]] result<std::size_t> receive_slowly(std::span<char> into);
  /// Moves the deadline by the time that a file of this size may take.
  void allow_for(bytes size);

 private:
  using time_point = std::chrono::steady_clock::time_point;
  poll_socket(std::string address, const peer_limits& limits, file_descriptor socket);
  [[nodiscard]] result<void> shake_hands();
  /// Waits for what TLS waits for. @returns its failure as an error.
  [[nodiscard]] result<void> wait_for_tls(auth::tls_session::step next, time_point until) const;
  [[nodiscard]] result<short> wait(short events, time_point until) const;
  [[nodiscard]] result<std::size_t> receive_until(std::span<char> into, time_point until);
  [[nodiscard]] error failed(std::string_view what, int why) const;

  std::string address_;
  peer_limits limits_;
  bool was_silent_;  ///< when this began: what is silent from the start has to be tried
  file_descriptor socket_;
  std::unique_ptr<auth::tls_session> tls_;  ///< over `socket_`; null: plain
};

}  // namespace troupe::http
