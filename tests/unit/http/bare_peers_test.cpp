#include "http/peer_hello.hpp"
#include "unit/http/client.hpp"
#include "unit/http/linked_node.hpp"

#include <doctest/doctest.h>

// Goal: what a broken, silent or hostile peer can do to a node: nothing. Method: bare sockets against whole servers.
using namespace troupe;
using namespace troupe::http::testing;
using http::peer_options;

namespace {

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
  explicit bare_peer(const linked_node& to) : client(to.server.port()) {
    send(upgrade);
    const auto head = read_head();
    REQUIRE(head.has_value());
    CHECK(head->status == 101);
  }
};

}  // namespace

TEST_CASE("without links there is nothing at their path") {
  served s;
  client c{s.port()};
  c.send(upgrade);
  CHECK(c.read_answer().value().status == 404);
}

TEST_CASE("what asks for no link of ours is answered as HTTP says") {
  linked_node a{options_of(1)};
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
  linked_node a{options_of(1)};
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

TEST_CASE("who dials from another cluster is told so") {
  linked_node b{options_of(2, 1, 0x2b)};
  bare_peer stranger{b};
  stranger.send(hello_of(9, 1, 0x1a));
  CHECK(has(stranger.read_to_end(), "this is cluster 000000000000002b, that is cluster 000000000000001a"));
}

TEST_CASE("a link that says nothing, or stops in the middle of a word, is closed in time") {
  auto hasty = options_of(1);
  hasty.hello_timeout = 50ms;
  hasty.silence_most = 200ms;
  linked_node a{hasty};
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
  linked_node a{wanted};
  wanted.card.node = node_id{2};
  linked_node b{wanted};
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
  linked_node a{options_of(1)};
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
  linked_node a{options_of(1)};
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
