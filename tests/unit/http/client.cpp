#include "unit/http/client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <utility>

namespace troupe::http::testing {

client::client(std::uint16_t port, int receive_buffer) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (receive_buffer > 0) ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  const timeval limit{20, 0};  // a test that hangs fails instead
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) throw std::runtime_error("cannot connect");
}

client::~client() { close(); }

void client::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

void client::half_close() { ::shutdown(socket_, SHUT_WR); }

void client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

bool client::fill() {
  char piece[16384];
  const auto got = ::recv(socket_, piece, sizeof piece, 0);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) throw std::runtime_error("the server did not answer in 20 s");
  if (got <= 0) return false;
  buffer_.append(piece, static_cast<std::size_t>(got));
  return true;
}

std::optional<std::string> client::read_until(std::string_view text) {
  std::size_t at = 0;
  for (std::size_t seen = 0; (at = buffer_.find(text, seen)) == std::string::npos;) {
    seen = buffer_.size() - std::min(buffer_.size(), text.size() - 1);
    if (!fill()) return std::nullopt;
  }
  auto out = buffer_.substr(0, at + text.size());
  buffer_.erase(0, at + text.size());
  return out;
}

std::string client::read_to_end() {
  while (fill()) {}
  return std::exchange(buffer_, {});
}

bool client::is_closed_by_server() { return buffer_.empty() && !fill(); }

std::optional<answer> client::read_head() {
  const auto head = read_until("\r\n\r\n");
  if (!head) return std::nullopt;
  answer out;
  if (!head->starts_with("HTTP/1.1 ")) throw std::runtime_error("not an answer: " + *head);
  out.status = std::stoi(head->substr(9, 3));
  std::size_t at = head->find("\r\n") + 2;
  while (at < head->size() - 2) {
    const auto end = head->find("\r\n", at);
    const auto line = head->substr(at, end - at);
    at = end + 2;
    const auto colon = line.find(": ");
    auto name = line.substr(0, colon);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    if (!out.headers.emplace(name, line.substr(colon + 2)).second) throw std::runtime_error("a header came twice: " + name);
  }
  return out;
}

std::optional<answer> client::read_answer(bool is_head) {
  auto out = read_head();
  if (!out || is_head || out->status == 304 || out->status == 204 || out->status == 100) return out;
  if (out->header("transfer-encoding") == "chunked") {
    while (true) {
      const auto line = read_until("\r\n");
      if (!line) return std::nullopt;
      const auto size = std::stoul(*line, nullptr, 16);
      while (buffer_.size() < size + 2) {
        if (!fill()) return std::nullopt;
      }
      out->body += buffer_.substr(0, size);
      buffer_.erase(0, size + 2);
      if (size == 0) return out;
    }
  }
  const auto size = std::stoul(out->headers.at("content-length"));
  while (buffer_.size() < size) {
    if (!fill()) return std::nullopt;
  }
  out->body = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return out;
}

answer client::ask(std::string_view method, std::string_view target, std::string_view headers, std::string_view body) {
  std::string text;
  text.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: localhost\r\n").append(headers);
  if (!body.empty() || method == "POST") text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  text.append("\r\n").append(body);
  send(text);
  auto out = read_answer(method == "HEAD");
  if (!out) throw std::runtime_error("the server closed instead of answering");
  return *out;
}

answer ask(std::uint16_t port, std::string_view method, std::string_view target, std::string_view headers,
           std::string_view body) {
  client one{port};
  return one.ask(method, target, headers, body);
}

}  // namespace troupe::http::testing
