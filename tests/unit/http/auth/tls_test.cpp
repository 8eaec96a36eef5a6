#include "unit/http/auth/authority.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

using namespace troupe;
using namespace troupe::auth;
using namespace troupe::auth::testing;
using step = tls_session::step;

namespace {

/// Two ends that are connected and never block.
struct wire {
  wire() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0); }
  ~wire() {
    for (const int each : ends) ::close(each);
  }
  wire(const wire&) = delete;
  wire& operator=(const wire&) = delete;
  std::array<int, 2> ends{};
};

/// Both handshakes, in turn. @returns whether both came to a good end.
bool shake_hands(tls_session& a, tls_session& b) {
  tls_session::outcome left, right;
  for (int turn = 0; turn < 20; ++turn) {
    if (left.is != step::done) left = a.handshake();
    if (right.is != step::done) right = b.handshake();
    if (left.is == step::done && right.is == step::done) return true;
    if (left.is == step::failed && right.is == step::failed) return false;
  }
  return false;
}

std::string received(tls_session& from) {
  std::array<char, 1000> data{};
  const auto got = from.read(data);
  return got.is == step::done ? std::string{data.data(), got.size} : "";
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("two nodes of a cluster know each other after the handshake and talk both ways") {
  const authority ca;
  const auto a = ca.context_of(1), b = ca.context_of(2);
  const wire w;
  const auto client = a->connect(w.ends[0]), server = b->accept(w.ends[1]);
  REQUIRE(shake_hands(*client, *server));
  CHECK(client->peer() == model::node_id{2});
  CHECK(server->peer() == model::node_id{1});
  CHECK(client->write("hello").size == 5);
  CHECK(received(*server) == "hello");
  std::array<char, 10> nothing{};
  CHECK(server->read(nothing).is == step::wants_read);
  server->close();
  CHECK(client->read(nothing).is == step::closed);
}

TEST_CASE("a node whose certificate another authority has signed is refused on both sides") {
  const authority ca, stranger;
  const auto ours = ca.context_of(1), theirs = stranger.context_of(2);
  {
    const wire w;
    const auto client = theirs->connect(w.ends[0]), server = ours->accept(w.ends[1]);
    CHECK_FALSE(shake_hands(*client, *server));
    CHECK(has(client->why(), "not of this cluster"));
  }
  {  // it believes the server, and shows what a stranger has signed
    const auto thief = tls_context::for_node(stranger.sign_for(2), ca.own.certificate).value();
    const wire w;
    const auto client = thief->connect(w.ends[0]), server = ours->accept(w.ends[1]);
    CHECK_FALSE(shake_hands(*client, *server));
    CHECK(has(server->why(), "not of this cluster"));
  }
}

TEST_CASE("a client without a certificate is nobody") {
  const authority ca;
  const auto node = ca.context_of(1), anybody = ca.context_for_joining();
  const wire w;
  const auto client = anybody->connect(w.ends[0]), server = node->accept(w.ends[1]);
  CHECK(shake_hands(*client, *server));
  CHECK_FALSE(server->peer().has_value());
}

TEST_CASE("an expired certificate is refused") {
  const authority ca;
  const auto good = ca.context_of(1);
  const auto expired = tls_context::for_node(ca.sign_for(2, std::chrono::seconds{-60}), ca.own.certificate).value();
  const wire w;
  const auto client = good->connect(w.ends[0]), server = expired->accept(w.ends[1]);
  CHECK_FALSE(shake_hands(*client, *server));
  CHECK(has(client->why(), "expired"));
  const wire again;
  const auto late = expired->connect(again.ends[0]), other = good->accept(again.ends[1]);
  CHECK_FALSE(shake_hands(*late, *other));
  CHECK(has(other->why(), "expired"));
}

TEST_CASE("who joins believes the authority with the fingerprint of its token, and no other") {
  const authority ca, stranger;
  const auto member = ca.context_of(1);
  {
    const wire w;
    const auto joining = ca.context_for_joining()->connect(w.ends[0]);
    const auto server = member->accept(w.ends[1]);
    CHECK(shake_hands(*joining, *server));
    CHECK(joining->peer() == model::node_id{1});
  }
  const wire w;
  const auto pinned = stranger.context_for_joining();
  const auto joining = pinned->connect(w.ends[0]);
  const auto server = member->accept(w.ends[1]);
  CHECK_FALSE(shake_hands(*joining, *server));
  CHECK(has(joining->why(), "not of this cluster"));
}

TEST_CASE("what is no TLS is a failure, not a crash") {
  const authority ca;
  const auto node = ca.context_of(1);
  {
    const wire w;
    const auto server = node->accept(w.ends[1]);
    REQUIRE(::write(w.ends[0], "GET / HTTP/1.1\r\n\r\n", 18) == 18);
    CHECK(server->handshake().is == step::failed);
    CHECK(has(server->why(), "does not speak TLS"));
    CHECK(server->handshake().is == step::failed);
  }
  {
    const wire w;
    const auto client = node->connect(w.ends[0]);
    CHECK(client->handshake().is == step::wants_read);
    REQUIRE(::write(w.ends[1], "HTTP/1.1 400 Bad Request\r\n\r\n", 28) == 28);
    CHECK(client->handshake().is == step::failed);
    CHECK(has(client->why(), "does not speak TLS"));
  }
  {
    const wire w;
    const auto client = node->connect(w.ends[0]), server = node->accept(w.ends[1]);
    CHECK(client->handshake().is == step::wants_read);
    ::shutdown(w.ends[0], SHUT_WR);
    CHECK(server->handshake().is != step::done);
    CHECK(server->handshake().is == step::failed);
  }
}

TEST_CASE("a certificate that is replaced holds for what begins then") {
  const authority ca;
  const auto node = ca.context_of(1), other = ca.context_of(2);
  const wire before, after;
  const auto old_client = other->connect(before.ends[0]), old_server = node->accept(before.ends[1]);
  REQUIRE(shake_hands(*old_client, *old_server));
  REQUIRE(node->replace(ca.sign_for(3), ca.own.certificate).has_value());
  const auto client = other->connect(after.ends[0]), server = node->accept(after.ends[1]);
  REQUIRE(shake_hands(*client, *server));
  CHECK(client->peer() == model::node_id{3});
  CHECK(old_server->write("still").size == 5);
  CHECK(received(*old_client) == "still");
  CHECK_FALSE(node->replace({"", ""}, "").has_value());
}

TEST_CASE("a peer that has gone away is an error of the write, not the end of the process") {
  const authority ca;
  const auto node = ca.context_of(1);
  const auto client_context = ca.context_of(2);
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
  const auto client = client_context->connect(ends[0]), server = node->accept(ends[1]);
  REQUIRE(shake_hands(*client, *server));
  ::close(ends[0]);
  CHECK(server->write("hello").is == step::failed);
  ::close(ends[1]);
}
