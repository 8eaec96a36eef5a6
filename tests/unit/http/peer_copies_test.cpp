#include "unit/http/client.hpp"
#include "unit/http/fake_peer.hpp"
#include "unit/http/peer_contents.hpp"
#include "unit/http/peer_node.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <fstream>
#include <future>
#include <set>

using namespace troupe;
using namespace troupe::http::testing;
using line = fake_peer::line;

// Goal: what is stored at one node has its copies at others when that is said. Method: nodes over HTTP, some of them of no use.

TEST_CASE("an upload is at the other nodes too when it is answered") {
  peer_node a, b, c;
  introduce(a, b, c);
  const auto content = content_no(1, 300'000);
  CHECK(ask(a.http.port(), "POST", "/v1/artifacts", "Content-Type: image/png\r\n", content).status == 201);
  for (const auto* node : {&a, &b, &c}) {
    CHECK(node->own.stat(sha256_of(content)).value() == model::artifact_ref{sha256_of(content), bytes{300'000}, "image/png"});
    CHECK(node->own.content_of(sha256_of(content)) == content);
  }
  CHECK(a.all.counts().copies_made == 2);
  CHECK(b.all.counts().copies_made == 0);  // a copy gets no copies
}

TEST_CASE("what a worker made gets copies like an upload") {
  peer_node a, b;
  introduce(a, b);
  std::ofstream{a.directory.path() / "made"} << "video";
  const auto stored = a.all.ingest(a.directory.path() / "made", "video/mp4").value();
  CHECK(stored.hash == sha256_of("video"));
  CHECK(b.own.stat(stored.hash).value() == stored);
}

TEST_CASE("there are as many copies as are wanted, and they spread") {
  peer_node a{with_copies(2)}, b, c, d;
  introduce(a, b, c, d);
  std::set<const peer_node*> used;
  for (std::size_t number = 0; number < 24; ++number) {
    const auto hash = a.put(content_no(number)).hash;
    int copies = 0;
    for (const auto* node : {&b, &c, &d}) {
      if (!node->has(hash)) continue;
      ++copies;
      used.insert(node);
    }
    CHECK(copies == 1);
  }
  CHECK(used.size() == 3);
  CHECK(a.all.counts().copies_made == 24);
  CHECK(a.all.counts().copies_short == 0);
}

TEST_CASE("with one copy, and without peers, nobody is asked") {
  fake_peer peer{has_nothing};
  peer_store one{with_copies(1)};
  one.set_peers({peer.address()});
  one.put("abc");
  CHECK(peer.requests().empty());
  peer_store alone;
  const auto stored = alone.put("abc");
  CHECK(alone.all.stat(stored.hash).value() == stored);
  CHECK(alone.all.path_of(stored.hash).value() == alone.own.path_of(stored.hash).value());
  CHECK(alone.all.stat(sha256_of("x")).error().code == errc::not_found);
  CHECK(alone.all.path_of(sha256_of("x")).error().code == errc::not_found);
  CHECK(alone.all.counts().copies_short == 0);
}

TEST_CASE("a node that cannot be reached is passed over") {
  peer_node b, c;
  const auto dead = dead_address();
  const std::vector<std::string> peers{dead, b.address(), c.address()};
  peer_store a;
  a.set_peers(peers);
  const auto hash = a.put(content_asked_at(dead, peers)).hash;
  CHECK(b.has(hash));
  CHECK(c.has(hash));
  CHECK(a.all.counts().copies_failed == 1);
  CHECK(a.all.counts().copies_short == 0);
}

TEST_CASE("fewer copies than wanted are no error, but are counted") {
  peer_node b;
  peer_store a;
  a.set_peers({dead_address(), b.address()});
  CHECK(b.has(a.put("one").hash));
  CHECK(a.all.counts().copies_short == 1);
  a.set_peers({dead_address()});
  CHECK(a.has(a.put("two").hash));
  CHECK(a.all.counts().copies_short == 2);
  a.set_peers({b.address()});  // a cluster of two has no place for more
  CHECK(b.has(a.put("three").hash));
  CHECK(a.all.counts().copies_short == 2);
  CHECK(a.all.counts().copies_made == 2);
}

TEST_CASE("a node that refuses a copy is passed over") {
  peer_node full{patient(), [](auto&options) { options.upload_most = bytes{10}; }}, b;
  peer_store a{with_copies(2)};
  a.set_peers({full.address(), b.address()});
  const auto hash = a.put(content_asked_at(full.address(), a.known)).hash;
  CHECK(b.has(hash));
  CHECK_FALSE(full.has(hash));
}

TEST_CASE("a silent node is given up, and asked last for a while") {
  fake_peer silent{is_silent};
  peer_node b, c;
  auto options = with_copies(2);
  options.silence_most = 2s;  // the other nodes answer sooner, however busy this machine is
  options.silent_comes_last = duration{3'600'000};
  const std::vector<std::string> peers{silent.address(), b.address(), c.address()};
  peer_store a{options};
  a.set_peers(peers);
  const auto content = content_asked_at(silent.address(), peers);
  const auto began = std::chrono::steady_clock::now();
  a.put(content);
  CHECK(std::chrono::steady_clock::now() - began < 15s);
  CHECK(silent.requests().size() == 1);
  CHECK(a.all.counts().copies_failed == 1);
  a.put(content);
  CHECK(silent.requests().size() == 1);
  // It is asked all the same when there is no other place.
  a.set_peers({silent.address()});
  a.put("alone");
  CHECK(silent.requests().size() == 2);
}

TEST_CASE("nobody waits for a silent node while another one takes a copy") {
  fake_peer silent{is_silent};
  peer_node b;
  auto options = with_copies(3);
  options.silence_most = 2s;
  options.silent_comes_last = duration{3'600'000};
  peer_store a{options};
  a.set_peers({silent.address(), b.address()});
  a.put("first");
  CHECK(silent.requests().size() == 1);
  CHECK(b.has(a.put("second").hash));
  CHECK(silent.requests().size() == 1);
  CHECK(a.all.counts().copies_short == 2);
}

TEST_CASE("a node that falls silent while it is waited for is given up at once, before all limits") {
  std::atomic<bool> is_gone = false;
  fake_peer silent{[&](std::size_t, const std::string&, line& to) {
    is_gone = true;
    to.wait_for_close();
  }};
  peer_node b;
  auto options = with_copies(2);
  options.is_silent = [&](const std::string& address) { return is_gone && address == silent.address(); };
  peer_store a{options};
  a.set_peers({silent.address(), b.address()});
  const auto content = content_asked_at(silent.address(), a.known);
  const auto began = std::chrono::steady_clock::now();
  CHECK(b.has(a.put(content).hash));
  CHECK(std::chrono::steady_clock::now() - began < options.silence_most / 2);
  CHECK(silent.requests().size() == 1);
}

TEST_CASE("a node without a link is tried all the same when there is no other place") {
  peer_node b;
  auto options = with_copies(2);
  options.is_silent = [](const std::string&) { return true; };
  peer_store a{options};
  a.set_peers({b.address()});
  CHECK(b.has(a.put("alone").hash));
}

TEST_CASE("nodes that give each other copies never wait for each other") {
  const auto narrow = [](auto& options) { options.blocking_threads = options.peer_threads = 1; };
  peer_node a{patient(), narrow}, b{patient(), narrow};
  introduce(a, b);
  std::vector<std::future<int>> uploads;
  for (std::size_t number = 0; number < 24; ++number) {
    const auto port = (number % 2 == 0 ? a : b).http.port();
    uploads.push_back(std::async(std::launch::async, [port, number] {
      return ask(port, "POST", "/v1/artifacts", "Content-Type: image/png\r\n", content_no(number, 400'000)).status;
    }));
  }
  for (auto& each : uploads) CHECK(each.get() == 201);
  CHECK(a.all.counts().copies_made == 12);
  CHECK(b.all.counts().copies_made == 12);
}
