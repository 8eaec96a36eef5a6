#include "http/peer_client.hpp"
#include "unit/http/fake_peer.hpp"
#include "unit/http/peer_node.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <future>
#include <optional>

using namespace troupe;
using namespace troupe::http::testing;
using std::chrono::steady_clock;
using line = fake_peer::line;

namespace {

/// What a client needs; the time limits are never reached unless a test makes them small.
struct asking {
  http::stop_signal stop;
  http::peer_limits limits{20s, 20s, steady_clock::now() + 60s, 1_MiB, &stop};
  scratch_directory directory;

  [[nodiscard]] http::peer_client at(const std::string& address) const { return {address, limits}; }
  [[nodiscard]] std::filesystem::path file(std::string_view content) const {
    const auto path = directory.path() / "file";
    std::ofstream{path, std::ios::binary} << content;
    return path;
  }
};

model::artifact_ref about(std::string_view content) { return {sha256_of(content), bytes{content.size()}, "image/png"}; }
const auto ignore = [](std::string_view) { return result<void>{}; };

}  // namespace

TEST_CASE("a client reads from, and puts to, a real node") {
  peer_node node;
  const asking ask;
  const std::string content(700'000, 'x');
  const auto there = ask.at(node.address());
  CHECK(there.stat(sha256_of(content)).error().code == errc::not_found);
  CHECK(there.get(sha256_of(content), 0, ignore).error().code == errc::not_found);
  CHECK(there.put(about(content), ask.file(content)).has_value());
  CHECK(there.put(about(content), ask.file(content)).has_value());
  CHECK(there.stat(sha256_of(content)).value() == about(content));
  std::string got;
  const auto take = [&got](std::string_view piece) {
    got += piece;
    return result<void>{};
  };
  CHECK(there.get(sha256_of(content), 0, take).value() == about(content));
  CHECK(got == content);
  got.clear();
  CHECK(there.get(sha256_of(content), 699'990, take).has_value());
  CHECK(got == "xxxxxxxxxx");
  CHECK(there.put(about(""), ask.file("")).has_value());
  CHECK(there.get(sha256_of(""), 0, ignore).value() == about(""));
}

TEST_CASE("which of several a node has is asked on one connection") {
  asking who;
  fake_peer peer{[](std::size_t, const std::string&, line& to) {
    to.answer("200 OK", "", "");
    CHECK(to.head().starts_with("HEAD /v1/peers/artifacts/" + sha256_of("b").hex()));
    to.answer("404 Not Found", "", "");
    CHECK(to.head().find("Connection: close") != std::string::npos);
    to.answer("200 OK", "", "");
  }};
  const std::vector asked{sha256_of("a"), sha256_of("b"), sha256_of("c")};
  CHECK(who.at(peer.address()).have(asked).value() == std::vector{true, false, true});
  CHECK(peer.requests().size() == 1);

  fake_peer full{[](std::size_t, const std::string&, line& to) { to.answer("503 Service Unavailable", "", ""); }};
  CHECK(who.at(full.address()).have(asked).error().code == errc::io_failed);
  peer_node real;
  const auto there = real.own.put("there", "image/png").hash;
  CHECK(who.at(real.address()).have(std::vector{sha256_of("a"), there, sha256_of("c")}).value()
        == std::vector{false, true, false});
}

TEST_CASE("no byte of a file is sent before the node has asked for it") {
  std::string body;
  std::optional<fake_peer> peer;
  peer.emplace([&body](std::size_t number, const std::string&, line& to) {
    if (number == 1) to.send("HTTP/1.1 100 Continue\r\n\r\n");
    if (number == 1) body = to.receive(3);
    to.answer(number == 1 ? "201 Created" : "200 OK", "", "{}");
    if (number == 0) body = to.receive(1);  // until the client closes
  });
  const asking ask;
  CHECK(ask.at(peer->address()).put(about("abc"), ask.file("abc")).has_value());
  CHECK(ask.at(peer->address()).put(about("abc"), ask.file("abc")).has_value());
  const auto heads = peer->requests();
  peer.reset();
  REQUIRE(heads.size() == 2);
  CHECK(heads[0].find("Expect: 100-continue\r\n") != std::string::npos);
  CHECK(heads[0].find("Content-Length: 3\r\n") != std::string::npos);
  CHECK(heads[0].find("Content-Type: image/png\r\n") != std::string::npos);
  CHECK(body == "abc");
}

TEST_CASE("a node that refuses a file half way is heard at once") {
  fake_peer peer{[](std::size_t, const std::string&, line& to) {
    to.send("HTTP/1.1 100 Continue\r\n\r\n");
    to.receive(100'000);
    to.answer("507 Insufficient Storage", "", "the disk is full");
    to.wait_for_close();
  }};
  const asking ask;
  const std::string content(64 << 20, 'x');
  const auto refused = ask.at(peer.address()).put(about(content), ask.file(content));
  CHECK(refused.error().code == errc::io_failed);
  CHECK(refused.error().detail.find("507: the disk is full") != std::string::npos);
}

TEST_CASE("only the bytes from the wanted one on are taken, whatever the node sends") {
  fake_peer peer{[](std::size_t number, const std::string&, line& to) {
    if (number == 0) to.answer("206 Partial Content", "Content-Range: bytes 4-9/10\r\n", "456789");
    if (number == 1) to.answer("206 Partial Content", "Content-Range: bytes 3-9/10\r\n", "3456789");
    if (number == 2) to.answer("200 OK", "", "0123456789");
    if (number == 3) to.answer("206 Partial Content", "Content-Range: bytes 5-9/10\r\n", "56789");
    if (number == 4) to.answer("206 Partial Content", "", "456789");
  }};
  const asking ask;
  const auto hash = sha256_of("0123456789");
  for (int number = 0; number < 5; ++number) {
    CAPTURE(number);
    std::string got;
    const auto done = ask.at(peer.address()).get(hash, 4, [&got](std::string_view piece) {
      got += piece;
      return result<void>{};
    });
    CHECK(got == (number < 3 ? "456789" : ""));
    if (number < 3) CHECK(done->size == bytes{10});
    if (number >= 3) CHECK(done.error().code == errc::corrupt);
  }
  CHECK(peer.requests()[0].find("Range: bytes=4-\r\nIf-Range: \"" + hash.hex() + "\"\r\n") != std::string::npos);
}

TEST_CASE("what no node answers is told apart from a connection that broke") {
  struct row {
    std::string_view sent;
    errc code;
  };
  const std::vector<row> table{{"SSH-2.0-x\r\n\r\n", errc::corrupt},
                               {"HTTP/1.1 200 OK\r\n\r\nabc", errc::corrupt},
                               {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", errc::corrupt},
                               {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", errc::corrupt},
                               {"HTTP/1.1 204 No Content\r\n\r\n", errc::io_failed},
                               {"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", errc::io_failed},
                               {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", errc::io_failed},
                               {"HTTP/1.1 200 OK\r\nContent-Le", errc::io_failed},
                               {"", errc::io_failed}};
  fake_peer peer{[&table](std::size_t number, const std::string&, line& to) { to.send(table[number].sent); }};
  const asking ask;
  for (const auto& row : table) {
    CAPTURE(row.sent);
    CHECK(ask.at(peer.address()).get(sha256_of("abc"), 0, ignore).error().code == row.code);
  }
}

TEST_CASE("an address that nobody answers at is an error, not a wait") {
  const asking ask;
  for (const auto& address : {dead_address(), std::string{"nowhere"}, std::string{"127.0.0.1:x"}, std::string{"[::1:80"}}) {
    CAPTURE(address);
    CHECK(ask.at(address).stat(sha256_of("abc")).error().code == errc::io_failed);
  }
}

TEST_CASE("a node that says nothing is given up, wherever it stops") {
  fake_peer peer{[](std::size_t number, const std::string&, line& to) {
    if (number == 1) to.send("HTTP/1.1 200 OK\r\n");
    if (number == 2) to.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc");
    to.wait_for_close();
  }};
  asking ask;
  ask.limits.silence_most = 20ms;
  for (int number = 0; number < 3; ++number) {
    CAPTURE(number);
    CHECK(ask.at(peer.address()).get(sha256_of("abc"), 0, ignore).error().code == errc::timed_out);
  }
  CHECK(ask.at(peer.address()).put(about("abc"), ask.file("abc")).error().code == errc::timed_out);
}

TEST_CASE("a node that stops taking a file, or never confirms it, is given up") {
  std::promise<void> is_over;
  const auto over = is_over.get_future().share();
  fake_peer peer{[&over](std::size_t number, const std::string&, line& to) {
    to.send("HTTP/1.1 100 Continue\r\n\r\n");
    if (number == 0) to.wait_for_close();  // takes all, confirms nothing
    if (number == 1) over.wait();          // takes nothing
  }};
  asking ask;
  ask.limits.rate_least = 1024_MiB;
  ask.limits.deadline = steady_clock::now() + 100ms;
  CHECK(ask.at(peer.address()).put(about("abc"), ask.file("abc")).error().code == errc::timed_out);
  ask.limits.deadline = steady_clock::now() + 60s;
  ask.limits.silence_most = 20ms;
  const std::string content(64 << 20, 'x');  // more than a kernel keeps for a connection
  CHECK(ask.at(peer.address()).put(about(content), ask.file(content)).error().code == errc::timed_out);
  is_over.set_value();
}

TEST_CASE("the error of who takes the bytes ends the exchange and is handed on") {
  fake_peer peer{[](std::size_t, const std::string&, line& to) {
    to.answer("200 OK", "", std::string(10'000, 'x'), 5000);
    to.wait_for_close();
  }};
  const asking ask;
  const auto full = [](std::string_view) { return result<void>{error{errc::no_space, "the disk is full"}}; };
  CHECK(ask.at(peer.address()).get(sha256_of("abc"), 0, full).error().code == errc::no_space);
}

TEST_CASE("a stop ends the wait for a node, and all later ones") {
  std::promise<void> has_come;
  fake_peer peer{[&has_come](std::size_t number, const std::string&, line& to) {
    if (number == 0) has_come.set_value();
    to.wait_for_close();
  }};
  asking ask;
  auto waiting = std::async(std::launch::async, [&] { return ask.at(peer.address()).stat(sha256_of("abc")); });
  REQUIRE(has_come.get_future().wait_for(20s) == std::future_status::ready);
  CHECK_FALSE(ask.stop.is_raised());
  ask.stop.raise();
  CHECK(waiting.get().error().code == errc::stopping);
  CHECK(ask.stop.is_raised());
  CHECK(ask.at(peer.address()).stat(sha256_of("abc")).error().code == errc::stopping);
}
