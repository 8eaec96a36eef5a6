#include "nats_stream.hpp"

#include "http_jobs.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <string_view>

namespace troupe::bench {
namespace {

void send_text(int fd, std::string_view text) {
  if (send(fd, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
    throw std::runtime_error("NATS: the server takes nothing");
}

/// @param inbox  the subject to which it is answered
std::string publication(std::string_view subject, std::string_view inbox, std::string_view payload) {
  std::string out{"PUB "};
  out.append(subject)
      .append(" ")
      .append(inbox)
      .append(" ")
      .append(std::to_string(payload.size()))
      .append("\r\n")
      .append(payload)
      .append("\r\n");
  return out;
}

}  // namespace

/// @returns the payload of the first message if it is whole, which is taken out of `received`; else nothing. Answers pings.
std::string nats_stream::message_in(std::string& received) {
  while (true) {
    const auto line_end = received.find("\r\n");
    if (line_end == std::string::npos) return {};
    const auto line = received.substr(0, line_end);
    if (line.starts_with("MSG ")) {
      const auto size = std::stoul(line.substr(line.rfind(' ') + 1));
      if (received.size() < line_end + 2 + size + 2) return {};
      auto payload = received.substr(line_end + 2, size);
      received.erase(0, line_end + 2 + size + 2);
      return payload;
    }
    if (line.starts_with("-ERR")) throw std::runtime_error("NATS: " + line);
    if (line == "PING") send_text(fd_, "PONG\r\n");
    received.erase(0, line_end + 2);
  }
}

void nats_stream::open(int fd) {
  fd_ = fd;
  const auto wanted = R"({"name":")" + stream_ + R"(","subjects":[")" + stream_ + R"("],"storage":"file","num_replicas":3})";
  inbox_ = "inbox." + std::to_string(getpid()) + "." + std::to_string(fd);
  send_text(fd, R"(CONNECT {"verbose":false,"pedantic":false,"lang":"c++","version":"0","protocol":0})"
                "\r\n");
  send_text(fd, "SUB " + inbox_ + " 1\r\n");
  send_text(fd, publication("$JS.API.STREAM.CREATE." + stream_, inbox_, wanted));
  std::string received, answer;
  while ((answer = message_in(received)).empty()) {
    char piece[4096];
    const auto got = recv(fd, piece, sizeof piece, 0);
    if (got <= 0) throw std::runtime_error("NATS: the server closed the connection");
    received.append(piece, static_cast<std::size_t>(got));
  }
  if (answer.find("\"error\"") != std::string::npos) throw std::runtime_error("NATS: " + answer);
}

std::string nats_stream::request(std::uint64_t number) {
  std::string out;
  for (std::size_t i = 0; i < batch_; ++i) out += publication(stream_, inbox_, job_text(number * batch_ + i));
  open_ = batch_;
  found_ = {};
  return out;
}

std::optional<conversation::outcome> nats_stream::take(std::string& received) {
  for (auto answer = message_in(received); !answer.empty(); answer = message_in(received)) {
    --open_;
    ++(answer.find("\"error\"") == std::string::npos ? found_.accepted : found_.refused);
  }
  return open_ == 0 ? std::optional{found_} : std::nullopt;
}

}  // namespace troupe::bench
