#pragma once

#include "http/auth/tls_context.hpp"
#include "http/file_descriptor.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace troupe::http::testing {

/// A client that speaks TLS, or anything else, and blocks.
class tls_client {
 public:
  explicit tls_client(std::uint16_t port) : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::connect(socket_.raw(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  /// @returns whether this side's handshake came to a good end; the other one may refuse after that.
  bool shake_hands(const auth::tls_context& as) {
    session_ = as.connect(socket_.raw());
    return session_->handshake().is == auth::tls_session::step::done;
  }
  void send_raw(std::string_view data) const {
    [[maybe_unused]] const auto sent = ::send(socket_.raw(), data.data(), data.size(), MSG_NOSIGNAL);
  }
  void send(std::string_view data) const {
    while (!data.empty()) {
      const auto out = session_->write(data);
      if (out.is != auth::tls_session::step::done) return;
      data.remove_prefix(out.size);
    }
  }
  /// All that comes until the end.
  std::string read_to_end() const {
    std::string all;
    std::array<char, 4096> piece{};
    while (true) {
      const auto got = session_->read(piece);
      if (got.is != auth::tls_session::step::done) return all;
      all.append(piece.data(), got.size);
    }
  }
  /// The same below TLS.
  std::string read_raw_to_end() const {
    std::string all;
    std::array<char, 4096> piece{};
    for (ssize_t got = 0; (got = ::recv(socket_.raw(), piece.data(), piece.size(), 0)) > 0;)
      all.append(piece.data(), static_cast<std::size_t>(got));
    return all;
  }
  [[nodiscard]] const std::string& why() const { return session_->why(); }

 private:
  file_descriptor socket_;
  std::unique_ptr<auth::tls_session> session_;
};

}  // namespace troupe::http::testing
