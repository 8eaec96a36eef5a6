#include "http/peer_links.hpp"
#include "http/peer_hello.hpp"
#include "unit/http/client.hpp"
#include "unit/http/fakes.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <condition_variable>
#include <stdexcept>
#include <thread>

// Goal: frames between nodes over real connections, and what a broken, silent or hostile peer can do: nothing. Method: whole
// servers on free ports of this machine; hostile peers are bare sockets.
using namespace troupe;
using namespace troupe::http::testing;
using http::peer_options;
using model::incarnation;
using model::node_id;
using model::ports::node_card;

namespace {

constexpr auto limit = 30s;  // of a wait that should take milliseconds

/// For what has no notification. Looks again and again, up to the limit.
bool eventually(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}
bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

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
  void on_gone(node_id peer) override {
    const std::lock_guard lock{mutex_};
    gone_ = peer;
    changed_.notify_all();
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
  std::map<node_id, std::vector<std::string>> frames_;
};

/// A port that nobody else gets, and on which a server may listen all the same.
class kept_port {
 public:
  kept_port() : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    const int yes = 1;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&at), size) != 0) throw std::runtime_error("no free port");
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&at), &size);
    number = ntohs(at.sin_port);
  }
  /// From now on the kernel takes connections, and nobody says anything on them.
  void listen_in_silence() { ::listen(socket_.get(), 16); }
  /// The next of these connections.
  http::raw_socket accept() {
    pollfd ready{socket_.get(), POLLIN, 0};
    if (::poll(&ready, 1, 30'000) != 1) throw std::runtime_error("nobody connected");
    return http::raw_socket{::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(number); }
  std::uint16_t number = 0;

 private:
  http::raw_socket socket_;
};

peer_options options_of(std::uint64_t id, std::uint64_t boot = 1, std::uint64_t cluster = 0) {
  peer_options out;
  out.card.node = node_id{id};
  out.card.boot = incarnation{boot};
  out.card.cluster = cluster;
  out.waiting_age_most = 60s;
  return out;
}

std::function<http::services(http::services)> answering_links(http::peer_links& links) {
  return [&links](http::services with) {
    with.links = &links;
    return with;
  };
}

/// A node: its links, and the server on whose port they are.
struct node {
  explicit node(peer_options wanted, std::uint16_t port = 0)
      : own(wanted.card),
        links(std::move(wanted), heard),
        server([port](http::server_options& o) { o.port = port; }, answering_links(links)) {
    own.address = "127.0.0.1:" + std::to_string(server.port());
    REQUIRE(links.start(own.address).has_value());
  }
  void knows(const node& other) { links.set_address(other.own.node, other.own.address); }
  /// Sends until something arrives: links may lose frames when they break.
  bool reaches(node& other, const std::string& frame) {
    return eventually([&] {
      links.send(other.own.node, frame);
      const auto got = other.heard.frames(own.node.raw(), 0);
      return std::ranges::find(got, frame) != got.end();
    });
  }
  http::link_status link(std::uint64_t to) const {
    for (const auto& each : links.links()) {
      if (each.node == node_id{to}) return each;
    }
    return {};
  }

  node_card own;
  listening heard;
  http::peer_links links;
  served server;
};

std::string number(int n) { return std::to_string(n); }

constexpr std::string_view upgrade =
    "GET /v1/peers/link HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
constexpr char binary = 2, text = 1, pong = 10;

/// A client's frame (RFC 6455, 5.2), masked with zeros.
std::string websocket_frame(char opcode, std::string_view payload) {
  std::string out{static_cast<char>(0x80 | opcode)};
  if (payload.size() < 126) {
    out += static_cast<char>(0x80 | payload.size());
  } else {
    out += static_cast<char>(0x80 | 126);
    out += static_cast<char>(payload.size() >> 8);
    out += static_cast<char>(payload.size() & 0xff);
  }
  return out.append(4, '\0').append(payload);
}
std::string hello_of(std::uint64_t id, std::uint64_t boot = 1, std::uint64_t cluster = 0) {
  const node_card card{node_id{id}, incarnation{boot}, cluster, "127.0.0.1:" + std::to_string(id)};
  return websocket_frame(binary, http::encode(http::peer_hello{card}));
}

/// A peer that is a bare socket, after the upgrade.
struct bare_peer : client {
  explicit bare_peer(const node& to) : client(to.server.port()) {
    send(upgrade);
    const auto head = read_head();
    REQUIRE(head.has_value());
    CHECK(head->status == 101);
  }
};

}  // namespace

TEST_CASE("two nodes exchange frames in order, and one that was dialled can dial back") {
  node a{options_of(1, 1, 7)};
  node b{options_of(2, 1, 7)};
  a.knows(b);
  for (int i = 0; i < 500; ++i) a.links.send(b.own.node, number(i));
  const auto got = b.heard.frames(1, 500);
  REQUIRE(got.size() == 500);
  for (int i = 0; i < 500; ++i) CHECK(got[static_cast<std::size_t>(i)] == number(i));

  CHECK(b.heard.wait_for_peer(a.own));
  b.links.send(a.own.node, "back");
  CHECK(a.heard.frames(2, 1) == std::vector<std::string>{"back"});
  CHECK(a.heard.wait_for_peer(b.own));

  CHECK(eventually([&] { return a.link(2).frames_out == 500; }));
  const auto out = a.link(2);
  CHECK(out.connected);
  CHECK(out.is_heard);
  CHECK(out.address == b.own.address);
  CHECK(out.waiting == bytes{0});
  CHECK(out.dropped == 0);
  CHECK(out.frames_in == 1);
  CHECK(out.bytes_in == bytes{4});
  CHECK(b.link(1).frames_in == 500);
  CHECK(b.link(1).bytes_in == out.bytes_out);
}

TEST_CASE("three nodes talk to each other, all at once") {
  std::vector<std::unique_ptr<node>> all;
  for (std::uint64_t id = 1; id <= 3; ++id) all.push_back(std::make_unique<node>(options_of(id)));
  for (auto& from : all) {
    for (auto& to : all) from->knows(*to);  // itself, too: it is ignored
  }
  for (int i = 0; i < 100; ++i) {
    for (auto& from : all) {
      for (auto& to : all) from->links.send(to->own.node, number(i));
    }
  }
  for (auto& to : all) {
    for (auto& from : all) {
      if (from == to) continue;
      const auto got = to->heard.frames(from->own.node.raw(), 100);
      REQUIRE(got.size() == 100);
      CHECK(got.front() == "0");
      CHECK(got.back() == "99");
    }
    CHECK(to->links.links().size() == 2);
  }
}

TEST_CASE("a frame of 10 MiB arrives whole; one that is too large for either side does not, and later ones do") {
  auto wanted = options_of(1);
  wanted.frame_most = 11_MiB;
  node a{wanted};
  auto strict = options_of(2);
  strict.frame_most = 10_MiB;
  node b{strict};
  a.knows(b);
  std::string large(std::size_t{10} << 20, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 2654435761u >> 13);
  a.links.send(b.own.node, large);
  CHECK(b.heard.frames(1, 1).at(0) == large);

  a.links.send(b.own.node, std::string((std::size_t{11} << 20) + 1, 'x'));  // for the sender
  CHECK(a.link(2).dropped == 1);
  a.links.send(b.own.node, std::string((std::size_t{10} << 20) + 1, 'x'));  // for the receiver, who closes the link
  CHECK(a.reaches(b, "small"));
  for (const auto& frame : b.heard.frames(1, 0)) CHECK((frame == large || frame == "small"));
}

TEST_CASE("a peer that is killed and comes back on its port is found again") {
  kept_port port;
  node a{options_of(1)};
  auto b = std::make_unique<node>(options_of(2), port.number);
  a.knows(*b);
  CHECK(a.reaches(*b, "first"));
  b.reset();
  CHECK(eventually([&] { return !a.link(2).connected; }));
  CHECK(a.heard.wait_for_end_of(2));
  b = std::make_unique<node>(options_of(2, 2), port.number);
  CHECK(a.reaches(*b, "second"));
  CHECK(a.heard.wait_for_peer(b->own));
}

TEST_CASE("frames wait for a peer that is not up yet, but not more than there is room for") {
  kept_port port;
  auto small = options_of(1);
  small.waiting_most = 16_KiB;
  node a{small};
  a.links.set_address(node_id{2}, port.address());
  for (int i = 0; i < 100; ++i) a.links.send(node_id{2}, number(i) + std::string(1000, '.'));
  CHECK(eventually([&] { return !a.link(2).last_error.empty(); }));
  const auto before = a.link(2);
  CHECK(before.dropped > 80);
  CHECK(before.dropped < 90);
  CHECK(before.waiting <= 16_KiB);
  CHECK_FALSE(before.connected);

  node b{options_of(2), port.number};
  const auto room = 100 - static_cast<std::size_t>(before.dropped);
  const auto got = b.heard.frames(1, room);
  REQUIRE(got.size() == room);
  for (std::size_t i = 0; i < room; ++i) CHECK(got[i] == std::to_string(i) + std::string(1000, '.'));
}

TEST_CASE("frames for a peer that stays away do not wait for ever") {
  kept_port port;
  auto hasty = options_of(1);
  hasty.waiting_age_most = 10ms;
  node a{hasty};
  a.links.set_address(node_id{2}, port.address());
  a.links.send(node_id{2}, "stale");
  CHECK(eventually([&] { return a.link(2).dropped == 1; }));
  CHECK(a.link(2).waiting == bytes{0});
}

TEST_CASE("nodes of two clusters refuse each other, and say why") {
  node a{options_of(1, 1, 0x1a)};
  node b{options_of(2, 1, 0x2b)};
  a.knows(b);
  a.links.send(b.own.node, "hello");
  CHECK(eventually(
      [&] { return has(a.link(2).last_error, "this is cluster 000000000000001a, that is cluster 000000000000002b"); }));
  CHECK(has(a.link(2).last_error, "start it with an empty data directory to join"));
  CHECK_FALSE(a.link(2).connected);
  CHECK(a.heard.peers() == 0);
  CHECK(b.heard.peers() == 0);

  bare_peer stranger{b};
  stranger.send(hello_of(9, 1, 0x1a));
  CHECK(has(stranger.read_to_end(), "this is cluster 000000000000002b, that is cluster 000000000000001a"));
}

TEST_CASE("a node that joins a cluster leaves those of another") {
  node a{options_of(1)};
  node b{options_of(2, 1, 0x2b)};
  a.knows(b);
  CHECK(a.reaches(b, "hello"));
  a.links.set_cluster(0x1a);
  CHECK(eventually([&] { return has(a.link(2).last_error, "that is cluster 000000000000002b"); }));
  CHECK_FALSE(a.link(2).connected);
}

TEST_CASE("a copy of a node, and an earlier start of it, are refused") {
  node a{options_of(1, 5)};
  node copy{options_of(1, 5)};
  copy.links.set_address(node_id{2}, a.own.address);
  copy.links.send(node_id{2}, "x");
  CHECK(eventually([&] { return has(copy.link(2).last_error, "two processes say that they are node 0000000000000001"); }));

  node b{options_of(2)};
  a.knows(b);
  CHECK(a.reaches(b, "start 5"));
  node old{options_of(1, 4)};
  old.knows(b);
  old.links.send(b.own.node, "start 4");
  CHECK(eventually([&] { return has(old.link(2).last_error, "this is start 4 of node 0000000000000001"); }));
  CHECK(a.reaches(b, "still"));
  CHECK(old.heard.peers() == 0);
}

TEST_CASE("at the address of one node there may be another: it gets no frames that are not for it") {
  node a{options_of(1)};
  node b{options_of(2)};
  a.links.set_address(node_id{3}, b.own.address);
  a.links.send(node_id{3}, "for 3");
  CHECK(eventually([&] { return a.link(3).last_error == "at this address is node 0000000000000002"; }));
  CHECK(b.heard.frames(1, 0).empty());
}

TEST_CASE("nodes find each other by seeds, and themselves among them") {
  kept_port first, second;
  auto wanted = options_of(1);
  wanted.seeds = {first.address(), second.address()};
  node a{wanted, first.number};
  CHECK(eventually([&] {
    const auto links = a.links.links();
    return links.size() == 1 && links[0].address == second.address() && !links[0].last_error.empty();
  }));
  wanted.card.node = node_id{2};
  node b{wanted, second.number};
  CHECK(a.heard.wait_for_peer(b.own));
  CHECK(b.heard.wait_for_peer(a.own));
  CHECK(a.reaches(b, "from a"));
  CHECK(b.reaches(a, "from b"));
  CHECK(eventually([&] { return a.links.links().size() == 1 && b.links.links().size() == 1; }));
  CHECK(a.link(2).address == b.own.address);
}

TEST_CASE("addresses that cannot be dialled are refused at the start") {
  listening heard;
  http::peer_links nameless{options_of(1), heard};
  CHECK_FALSE(nameless.start().has_value());
  auto wanted = options_of(1);
  wanted.seeds = {"somewhere"};
  http::peer_links misled{wanted, heard};
  const auto refused = misled.start("127.0.0.1:1");
  REQUIRE_FALSE(refused.has_value());
  CHECK(has(refused.error().detail, "'somewhere'"));
}

TEST_CASE("a silent peer takes nothing from others, and stopping does not wait for it") {
  kept_port silent;
  silent.listen_in_silence();
  auto wanted = options_of(1);
  wanted.dial_timeout = 60s;
  wanted.silence_most = 60s;
  auto a = std::make_unique<node>(wanted);
  node b{options_of(2)};
  a->links.set_address(node_id{3}, silent.address());
  a->links.send(node_id{3}, "anybody?");
  const auto connection = silent.accept();
  a->knows(b);
  CHECK(a->reaches(b, "hello"));
  const auto began = std::chrono::steady_clock::now();
  a->links.stop();
  CHECK(std::chrono::steady_clock::now() - began < 5s);
}

TEST_CASE("a peer that never answers is dialled again after a while") {
  kept_port silent;
  silent.listen_in_silence();
  auto wanted = options_of(1);
  wanted.dial_timeout = 50ms;
  node a{wanted};
  a.links.set_address(node_id{3}, silent.address());
  a.links.send(node_id{3}, "anybody?");
  const auto first = silent.accept();
  const auto second = silent.accept();
  CHECK(a.link(3).last_error == "it did not answer in time");
}

TEST_CASE("without links there is nothing at their path") {
  served s;
  client c{s.port()};
  c.send(upgrade);
  CHECK(c.read_answer().value().status == 404);
}

TEST_CASE("what asks for no link of ours is answered as HTTP says") {
  node a{options_of(1)};
  const auto plain = ask(a.server.port(), "GET", "/v1/peers/link");
  CHECK(plain.status == 426);
  CHECK(plain.header("upgrade") == "websocket");
  CHECK(ask(a.server.port(), "HEAD", "/v1/peers/link", upgrade.substr(upgrade.find("Connection"))).status == 426);
  CHECK(ask(a.server.port(), "POST", "/v1/peers/link").status == 405);
  const auto send = [&](std::string_view what, std::string_view by) {
    std::string changed{upgrade};
    changed.replace(changed.find(what), what.size(), by);
    client c{a.server.port()};
    c.send(changed);
    return c.read_answer().value().status;
  };
  CHECK(send("Version: 13", "Version: 12") == 426);
  CHECK(send("websocket", "h2c") == 426);
  CHECK(send("AAAA==", "AAAAAA") == 400);
  CHECK(send("Host: localhost\r\n", "Host: localhost\r\nContent-Length: 3\r\n") == 400);
  CHECK(send("Host: localhost\r\n", "Host: localhost\r\nOrigin: http://evil.example\r\n") == 403);
}

TEST_CASE("junk in the place of a hello ends the connection at once") {
  node a{options_of(1)};
  for (const auto& junk :
       {websocket_frame(text, "hello"), websocket_frame(binary, "hello"), websocket_frame(binary, ""),
        websocket_frame(binary, std::string(http::hello_most + 1, 'x')), websocket_frame(3, "reserved"),
        std::string{"\x82\x05hello"} /* not masked */, std::string(5000, '\xff'), std::string{"GET / HTTP/1.1\r\n\r\n"}}) {
    bare_peer c{a};
    c.send(junk);
    (void)c.read_to_end();  // throws if it stays open
  }
  CHECK(a.heard.peers() == 0);
  CHECK(a.links.links().empty());
}

TEST_CASE("a link that says nothing, or stops in the middle of a word, is closed in time") {
  auto hasty = options_of(1);
  hasty.hello_timeout = 50ms;
  hasty.silence_most = 200ms;
  node a{hasty};
  bare_peer mute{a};
  CHECK(mute.is_closed_by_server());
  bare_peer halting{a};
  halting.send(hello_of(9).substr(0, 10));
  CHECK(halting.is_closed_by_server());

  bare_peer asleep{a};
  asleep.send(hello_of(9));
  CHECK(a.heard.wait_for_peer({node_id{9}, incarnation{1}, 0, "127.0.0.1:9"}));
  CHECK(asleep.read_until(std::string_view{"\x89\0", 2}).has_value());  // a ping
  asleep.send(websocket_frame(pong, ""));
  CHECK(asleep.read_until(std::string_view{"\x89\0", 2}).has_value());
  (void)asleep.read_to_end();
  CHECK(eventually([&] { return !a.link(9).is_heard; }));
}

TEST_CASE("links that have nothing to carry stay open") {
  auto wanted = options_of(1);
  wanted.silence_most = 1s;
  node a{wanted};
  wanted.card.node = node_id{2};
  node b{wanted};
  a.knows(b);
  a.links.send(b.own.node, "first");
  CHECK(b.heard.frames(1, 1).size() == 1);
  bare_peer clock{a};
  clock.send(hello_of(9));
  for (int ping = 0; ping < 5; ++ping) {  // every half second
    CHECK(clock.read_until(std::string_view{"\x89\0", 2}).has_value());
    clock.send(websocket_frame(pong, ""));
  }
  a.links.send(b.own.node, "second");
  CHECK(b.heard.frames(1, 2).size() == 2);
  CHECK(b.heard.peers() == 1);  // still the same link
}

TEST_CASE("what a peer sends right behind its request is not lost") {
  node a{options_of(1)};
  client eager{a.server.port()};
  const auto all = std::string{upgrade} + hello_of(9) + websocket_frame(binary, "frame");
  eager.send(all);
  CHECK(a.heard.frames(9, 1) == std::vector<std::string>{"frame"});

  // Behind a request that waits for an actor: the connection is already reading on when the second one is looked at.
  client late{a.server.port()};
  late.send("GET /v1/node HTTP/1.1\r\nHost: localhost\r\n\r\n" + all);
  CHECK(late.read_answer().value().status == 200);
  late.send(websocket_frame(binary, "frame"));
  CHECK(a.heard.frames(9, 3).size() == 3);
}

TEST_CASE("a new link takes the place of the old one") {
  node a{options_of(1)};
  bare_peer before{a};
  before.send(hello_of(9) + websocket_frame(binary, "old"));
  CHECK(a.heard.frames(9, 1).size() == 1);
  bare_peer after{a};
  after.send(hello_of(9) + websocket_frame(binary, "new"));
  CHECK(a.heard.frames(9, 2) == std::vector<std::string>{"old", "new"});
  (void)before.read_to_end();
  CHECK(a.link(9).is_heard);
  after.send(websocket_frame(text, "text"));
  (void)after.read_to_end();
  CHECK(eventually([&] { return !a.link(9).is_heard; }));
}

TEST_CASE("a link is no connection of the HTTP server's any more") {
  listening heard;
  http::peer_links links{options_of(1), heard};
  served s{[](http::server_options& o) { o.connections_most = 1; }, answering_links(links)};
  REQUIRE(links.start("127.0.0.1:" + std::to_string(s.port())).has_value());
  client link{s.port()};
  link.send(std::string{upgrade} + hello_of(9));
  CHECK(heard.wait_for_peer({node_id{9}, incarnation{1}, 0, "127.0.0.1:9"}));
  CHECK(eventually([&] { return ask(s.port(), "GET", "/healthz").status == 200; }));
  s.running->stop(duration{5000});
  link.send(websocket_frame(binary, "after the server's end"));
  CHECK(heard.frames(9, 1).size() == 1);
}
