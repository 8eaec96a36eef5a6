#pragma once

#include "http/file_descriptor.hpp"
#include "http/peer_links.hpp"
#include "unit/http/fakes.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

// A node with links, and what it hears.
namespace troupe::http::testing {

using model::incarnation;
using model::node_id;
using model::ports::node_card;

inline bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

class listening final : public model::ports::transport_listener {
 public:
  void on_peer(const node_card& peer) override {
    const std::lock_guard lock{mutex_};
    peers_.push_back(peer);
    changed_.notify_all();
  }
  void on_frame(node_id from, std::string frame) override {
    const std::lock_guard lock{mutex_};
    frames_[from].push_back(std::move(frame));
    changed_.notify_all();
  }
  void on_rest() override {}
  void on_gone(node_id peer) override {
    const std::lock_guard lock{mutex_};
    gone_ = peer;
    changed_.notify_all();
  }
  void on_refused(node_id by, const std::string& why, bool is_final) override {
    const std::lock_guard lock{mutex_};
    refused_[by] = {why, is_final};
    changed_.notify_all();
  }
  /// Waits until a node has refused this one. @returns why, and whether for good.
  std::pair<std::string, bool> refusal(std::uint64_t by) {
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, limit, [&] { return refused_.contains(node_id{by}); });
    return refused_[node_id{by}];
  }
  bool wait_for_end_of(std::uint64_t peer) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, limit, [&] { return gone_ == node_id{peer}; });
  }
  /// Waits for this many frames of a node. @returns all that are there.
  std::vector<std::string> frames(std::uint64_t from, std::size_t count) {
    std::unique_lock lock{mutex_};
    auto& got = frames_[node_id{from}];
    changed_.wait_for(lock, limit, [&] { return got.size() >= count; });
    return got;
  }
  bool wait_for_peer(const node_card& peer) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, limit, [&] { return std::ranges::find(peers_, peer) != peers_.end(); });
  }
  std::size_t peers() {
    const std::lock_guard lock{mutex_};
    return peers_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<node_card> peers_;
  std::optional<node_id> gone_;
  std::map<node_id, std::pair<std::string, bool>> refused_;
  std::map<node_id, std::vector<std::string>> frames_;
};

/// A port that nobody else gets, and on which a server may listen all the same.
class kept_port {
 public:
  kept_port() : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    const int yes = 1;
    ::setsockopt(socket_.raw(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    if (::bind(socket_.raw(), reinterpret_cast<const sockaddr*>(&at), size) != 0) throw std::runtime_error("no free port");
    ::getsockname(socket_.raw(), reinterpret_cast<sockaddr*>(&at), &size);
    number = ntohs(at.sin_port);
  }
  /// From now on the kernel takes connections, and nobody says anything on them.
  void listen_in_silence() { ::listen(socket_.raw(), 16); }
  /// The next of these connections.
  file_descriptor accept() {
    pollfd ready{socket_.raw(), POLLIN, 0};
    if (::poll(&ready, 1, 30'000) != 1) throw std::runtime_error("nobody connected");
    return file_descriptor{::accept4(socket_.raw(), nullptr, nullptr, SOCK_CLOEXEC)};
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(number); }
  std::uint16_t number = 0;

 private:
  file_descriptor socket_;
};

inline peer_options options_of(std::uint64_t id, std::uint64_t boot = 1, std::uint64_t cluster = 0) {
  peer_options out;
  out.card.node = node_id{id};
  out.card.boot = incarnation{boot};
  out.card.cluster = cluster;
  out.waiting_age_most = 60s;
  return out;
}

inline std::function<services(services)> answering_links(peer_links& links) {
  return [&links](services with) {
    with.links = &links;
    return with;
  };
}

/// A node: its links, and the server on whose port they are.
struct linked_node {
  explicit linked_node(peer_options wanted, std::uint16_t port = 0)
      : own(wanted.card),
        links(std::move(wanted), heard),
        server([port](server_options& o) { o.port = port; }, answering_links(links)) {
    own.address = "127.0.0.1:" + std::to_string(server.port());
    REQUIRE(links.start(own.address).has_value());
  }
  void knows(const linked_node& other) { links.set_address(other.own.node, other.own.address); }
  /// Sends until something arrives: links may lose frames when they break.
  bool reaches(linked_node& other, const std::string& frame) {
    return eventually([&] {
      links.send(other.own.node, frame);
      const auto got = other.heard.frames(own.node.raw(), 0);
      return std::ranges::find(got, frame) != got.end();
    });
  }
  link_status link(std::uint64_t to) const {
    for (const auto& each : links.links()) {
      if (each.node == node_id{to}) return each;
    }
    return {};
  }

  node_card own;
  listening heard;
  peer_links links;
  served server;
};

}  // namespace troupe::http::testing
