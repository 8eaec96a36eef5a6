#pragma once

#include "http/file_descriptor.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace troupe::http::testing {

/// A node that does what a test says. It takes one connection after the other and lets `answer` deal with each request.
class fake_peer {
 public:
  /// The connection that a request came on.
  class line {
   public:
    line(int socket, std::string read) : socket_(socket), read_(std::move(read)) {}
    void send(std::string_view text) const {
      while (!text.empty()) {
        const auto sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(sent));
      }
    }
    /// An answer with a length, of which only `sent` bytes come.
    void answer(std::string_view status, std::string_view headers, std::string_view body,
                std::size_t sent = std::string::npos) const {
      send("HTTP/1.1 " + std::string{status} + "\r\n" + std::string{headers} + "Content-Length: " + std::to_string(body.size())
           + "\r\n\r\n" + std::string{body.substr(0, sent)});
    }
    /// Reads until there are `size` bytes or the other side has closed. @returns them.
    std::string receive(std::size_t size) {
      while (read_.size() < size && fill()) {}
      return read_;
    }
    void wait_for_close() {
      while (fill()) {}
    }
    [[nodiscard]] bool fill() {
      char piece[65536];
      const auto got = ::recv(socket_, piece, sizeof piece, 0);
      if (got > 0) read_.append(piece, static_cast<std::size_t>(got));
      return got > 0;
    }
    /// @returns the head of the request; nothing if none came.
    std::string head() {
      while (read_.find("\r\n\r\n") == std::string::npos) {
        if (!fill()) return {};
      }
      const auto end = read_.find("\r\n\r\n") + 4;
      auto out = read_.substr(0, end);
      read_.erase(0, end);
      return out;
    }

   private:
    int socket_;
    std::string read_;  ///< of the body
  };
  /// Gets the number of the request, from 0, and its head.
  using handler = std::function<void(std::size_t, const std::string&, line&)>;

  explicit fake_peer(handler answer) : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), answer_(std::move(answer)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    auto* const raw = reinterpret_cast<sockaddr*>(&at);
    if (::bind(listener_.raw(), raw, size) != 0 || ::listen(listener_.raw(), 64) != 0
        || ::getsockname(listener_.raw(), raw, &size) != 0) {
      throw std::runtime_error("cannot listen");
    }
    port_ = ntohs(at.sin_port);
    thread_ = std::thread{[this] { run(); }};
  }
  ~fake_peer() {
    ::shutdown(listener_.raw(), SHUT_RDWR);
    thread_.join();
  }
  fake_peer(const fake_peer&) = delete;
  fake_peer& operator=(const fake_peer&) = delete;

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::vector<std::string> requests() {
    const std::lock_guard lock{mutex_};
    return requests_;
  }

 private:
  void run() {
    while (true) {
      const file_descriptor socket{::accept4(listener_.raw(), nullptr, nullptr, SOCK_CLOEXEC)};
      if (socket.raw() < 0) return;
      const timeval limit{20, 0};  // a test that hangs fails instead
      ::setsockopt(socket.raw(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
      line with{socket.raw(), {}};
      const auto head = with.head();
      if (head.empty()) continue;
      std::size_t number = 0;
      {
        const std::lock_guard lock{mutex_};
        number = requests_.size();
        requests_.push_back(head);
      }
      answer_(number, head, with);
    }
  }

  file_descriptor listener_;
  handler answer_;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

/// An address where nobody listens: connections are refused.
inline std::string dead_address() {
  const fake_peer gone{[](std::size_t, const std::string&, fake_peer::line&) {}};
  return gone.address();
}

}  // namespace troupe::http::testing
