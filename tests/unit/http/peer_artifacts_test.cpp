#include "support/wait.hpp"
#include "unit/http/client.hpp"
#include "unit/http/fake_peer.hpp"
#include "unit/http/peer_contents.hpp"
#include "unit/http/peer_node.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <future>
#include <latch>

using namespace troupe;
using namespace troupe::http::testing;
using line = fake_peer::line;

namespace {

const std::string nowhere(64, 'a');

/// Serves this content, as a node does, from the byte that was asked for; `cut` bytes of it are sent, then the connection breaks.
void serve(std::string_view content, const std::string& request, line& to, std::size_t cut = std::string::npos) {
  constexpr std::string_view range = "Range: bytes=";
  const auto at = request.find(range);
  const auto first = at == std::string::npos ? std::size_t{0} : std::stoul(request.substr(at + range.size()));
  const auto head = "Content-Type: video/mp4\r\nContent-Range: bytes " + std::to_string(first) + "-/\r\n";
  to.answer(first == 0 ? "200 OK" : "206 Partial Content", head, content.substr(first), cut);
}

}  // namespace

// Goal: what another node has is found and fetched, whole and once. Method: as for copies.

TEST_CASE("a client gets from any node what any other has") {
  peer_node a, b, c;
  introduce(a, b, c);
  const auto content = content_no(1, 300'000);
  const auto hash = a.own.put(content, "video/mp4").hash;
  const auto path = "/v1/artifacts/" + hash.hex();
  const auto head = ask(c.http.port(), "HEAD", path);
  CHECK(head.status == 200);
  CHECK(head.header("content-length") == "300000");
  CHECK_FALSE(c.has(hash));
  CHECK(ask(c.http.port(), "GET", path, "Range: bytes=10-19\r\n").body == content.substr(10, 10));
  const auto got = ask(c.http.port(), "GET", path);
  CHECK(got.body == content);
  CHECK(got.header("content-type") == "video/mp4");
  CHECK(c.own.content_of(hash) == content);
  CHECK(c.all.counts().fetched == 1);
  CHECK(c.all.counts().copies_made == 0);
}

TEST_CASE("a job may name an artifact that is at another node") {
  peer_node a, b;
  introduce(a, b);
  const auto hash = a.own.put("PNGDATA", "image/png").hash.hex();
  const auto submit = [&b](const std::string& artifact) {
    return ask(b.http.port(), "POST", "/v1/jobs", json_type,
               R"({"pipeline":"talk","inputs":{"text":"hello","image":{"artifact":")" + artifact + "\"}}}");
  };
  CHECK(submit(hash).status == 202);
  CHECK(submit(nowhere).status == 400);
  b.set_peers({dead_address()});
  const auto unknown = submit(std::string(64, 'b'));
  CHECK(unknown.status == 504);
  CHECK(unknown.body.find("try again") != std::string::npos);
}

TEST_CASE("what is here is served while all that may wait for other nodes wait") {
  std::promise<void> has_come;
  fake_peer silent{[&has_come](std::size_t number, const std::string&, line& to) {
    if (number == 0) has_come.set_value();
    to.wait_for_close();
  }};
  peer_node a{patient(), [](auto& options) { options.peer_threads = 1; }};
  a.set_peers({silent.address()});
  const auto hash = a.own.put("PNGDATA", "image/png").hash.hex();
  auto waiting = std::async(std::launch::async, [&a] { return ask(a.http.port(), "GET", "/v1/artifacts/" + nowhere).status; });
  test::wait(has_come);
  CHECK(ask(a.http.port(), "GET", "/v1/artifacts/" + hash).body == "PNGDATA");
  const auto body = R"({"pipeline":"talk","inputs":{"text":"hello","image":{"artifact":")" + hash + "\"}}}";
  CHECK(ask(a.http.port(), "POST", "/v1/jobs", json_type, body).status == 202);
  a.all.stop();
  CHECK(waiting.get() == 503);
}

TEST_CASE("a large file goes there and back") {
  peer_node a{with_copies(2)}, b, c;
  a.set_peers({b.address()});
  c.set_peers({a.address(), b.address()});
  const auto content = content_no(7, std::size_t{50} << 20);
  CHECK(ask(a.http.port(), "POST", "/v1/artifacts", "Content-Type: video/mp4\r\n", content).status == 201);
  const auto path = "/v1/artifacts/" + sha256_of(content).hex();
  CHECK(b.has(sha256_of(content)));
  CHECK((ask(c.http.port(), "GET", path).body == content));
  CHECK((c.own.content_of(sha256_of(content)) == content));
}

TEST_CASE("a fetch goes on where the connection broke") {
  const auto content = content_no(1, 100'000);
  fake_peer peer{[&content](std::size_t number, const std::string& request, line& to) {
    serve(content, request, to, number < 3 ? 30'000 : std::string::npos);
  }};
  peer_store a;
  a.set_peers({peer.address()});
  const auto path = a.all.path_of(sha256_of(content));
  CHECK(path.has_value());
  CHECK((a.own.content_of(sha256_of(content)) == content));
  CHECK(a.own.stat(sha256_of(content))->media_type == "video/mp4");
  const auto requests = peer.requests();
  REQUIRE(requests.size() == 4);
  CHECK(requests[0].find("Range") == std::string::npos);
  CHECK(requests[1].find("Range: bytes=30000-\r\n") != std::string::npos);
  CHECK(requests[3].find("Range: bytes=90000-\r\nIf-Range: \"" + sha256_of(content).hex() + "\"\r\n") != std::string::npos);
}

TEST_CASE("a fetch that breaks again and again is given up, and nothing is kept") {
  const auto content = content_no(1, 100'000);
  fake_peer breaks{[&content](std::size_t, const std::string& request, line& to) { serve(content, request, to, 10); }};
  peer_store a;
  a.set_peers({breaks.address()});
  CHECK(a.all.path_of(sha256_of(content)).error().code == errc::timed_out);
  CHECK(breaks.requests().size() == patient().fetch_tries);
  CHECK(std::filesystem::is_empty(a.directory.path()));

  fake_peer says_nothing{[&content](std::size_t, const std::string& request, line& to) { serve(content, request, to, 0); }};
  a.set_peers({says_nothing.address()});
  CHECK(a.all.path_of(sha256_of("other")).error().code == errc::timed_out);
  CHECK(says_nothing.requests().size() == 1);
}

TEST_CASE("another node is asked when one breaks off for good") {
  peer_node b;
  const auto breaks_off = [](std::size_t, const std::string&, line& to) { to.answer("200 OK", "", "abcdef", 3); };
  fake_peer bad{breaks_off};
  peer_store a;
  a.set_peers({bad.address(), b.address()});
  const auto content = content_asked_at(bad.address(), a.known);
  b.own.put(content, "image/png");
  CHECK(a.all.path_of(sha256_of(content)).has_value());
  CHECK(a.own.content_of(sha256_of(content)) == content);
}

TEST_CASE("a node that sends other bytes is passed over") {
  peer_node honest;
  fake_peer liar{[](std::size_t, const std::string&, line& to) { to.answer("200 OK", "", "something else"); }};
  peer_store a;
  a.set_peers({liar.address(), honest.address()});
  const auto content = content_asked_at(liar.address(), a.known);
  honest.own.put(content, "image/png");
  CHECK(a.all.path_of(sha256_of(content)).has_value());
  CHECK(a.own.content_of(sha256_of(content)) == content);
  CHECK(liar.requests().size() == 1);

  a.set_peers({liar.address()});
  CHECK(a.all.path_of(sha256_of("abc")).error().code == errc::corrupt);
  CHECK_FALSE(a.has(sha256_of("abc")));
  CHECK_FALSE(a.has(sha256_of("something else")));
  CHECK(a.all.counts().fetches_failed == 2);
}

TEST_CASE("what nobody has is told apart from what cannot be asked for") {
  peer_node b;
  peer_store a;
  a.set_peers({b.address()});
  CHECK(a.all.stat(sha256_of("x")).error().code == errc::not_found);
  CHECK(a.all.path_of(sha256_of("y")).error().code == errc::not_found);
  a.set_peers({b.address(), dead_address()});
  for (const auto* text : {"one", "two"}) {
    const auto by_stat = a.all.stat(sha256_of(text));
    CHECK(by_stat.error().code == errc::timed_out);
    CHECK(by_stat.error().retry_after.has_value());
  }
  CHECK(a.all.path_of(sha256_of("three")).error().code == errc::timed_out);
  // Who cannot be asked is no matter if another one has it.
  b.own.put("abc", "image/png");
  CHECK(a.all.stat(sha256_of("abc")).has_value());
  CHECK(a.all.path_of(sha256_of("abc")).has_value());
}

TEST_CASE("what was not to be had is not asked for again at once, but may come to be here") {
  fake_peer peer{has_nothing};
  auto options = patient();
  options.remembered_for = duration{3'600'000};
  peer_store a{options};
  a.set_peers({peer.address()});
  for (int i = 0; i < 3; ++i) {
    CHECK(a.all.stat(sha256_of("abc")).error().code == errc::not_found);
    CHECK(a.all.path_of(sha256_of("abc")).error().code == errc::not_found);
  }
  CHECK(peer.requests().size() == 1);
  CHECK(a.all.stat(sha256_of("other")).error().code == errc::not_found);
  CHECK(peer.requests().size() == 2);
  a.own.put("abc", "image/png");
  CHECK(a.all.path_of(sha256_of("abc")).has_value());
}

TEST_CASE("what was not to be had is asked for again after a while") {
  fake_peer peer{has_nothing};
  auto options = patient();
  options.remembered_for = 0ms;
  peer_store a{options};
  a.set_peers({peer.address()});
  CHECK(a.all.stat(sha256_of("abc")).error().code == errc::not_found);
  CHECK(a.all.stat(sha256_of("abc")).error().code == errc::not_found);
  CHECK(peer.requests().size() == 2);
}

TEST_CASE("who wants the same at the same time shares one fetch") {
  constexpr int callers = 8;
  const auto content = content_no(1, 100'000);
  std::latch all_are_here{callers};
  fake_peer peer{[&](std::size_t, const std::string& request, line& to) {
    all_are_here.wait();
    serve(content, request, to);
  }};
  peer_store a;
  a.set_peers({peer.address()});
  std::vector<std::future<bool>> asked;
  for (int i = 0; i < callers; ++i) {
    asked.push_back(std::async(std::launch::async, [&] {
      all_are_here.count_down();
      return a.all.path_of(sha256_of(content)).has_value();
    }));
  }
  for (auto& each : asked) CHECK(each.get());
  CHECK(peer.requests().size() == 1);
  CHECK(a.all.counts().fetched == 1);
}

TEST_CASE("who shares a fetch shares its failure") {
  constexpr int callers = 4;
  std::latch all_are_here{callers};
  fake_peer peer{[&](std::size_t, const std::string&, line& to) {
    all_are_here.wait();
    to.answer("404 Not Found", "", "");
  }};
  auto options = patient();
  options.remembered_for = duration{3'600'000};
  peer_store a{options};
  a.set_peers({peer.address()});
  std::vector<std::future<errc>> asked;
  for (int i = 0; i < callers; ++i) {
    asked.push_back(std::async(std::launch::async, [&] {
      all_are_here.count_down();
      return a.all.path_of(sha256_of("abc")).error().code;
    }));
  }
  for (auto& each : asked) CHECK(each.get() == errc::not_found);
  CHECK(peer.requests().size() == 1);
}

TEST_CASE("a fetch from silent nodes ends in time, and the node that answers is found") {
  fake_peer silent{is_silent};
  peer_node b;
  auto options = patient();
  options.silence_most = 2s;  // the other nodes answer sooner, however busy this machine is
  options.remembered_for = 0ms;
  peer_store a{options};
  a.set_peers({silent.address(), b.address()});
  const auto content = content_asked_at(silent.address(), a.known);
  const auto began = std::chrono::steady_clock::now();
  CHECK(a.all.path_of(sha256_of(content)).error().code == errc::timed_out);
  b.own.put(content, "image/png");
  CHECK(a.all.path_of(sha256_of(content)).has_value());
  CHECK(std::chrono::steady_clock::now() - began < 15s);
}

TEST_CASE("a full disk here is no fault of other nodes") {
  class full_store final : public test::directory_store {
   public:
    using directory_store::directory_store;
    result<std::unique_ptr<model::ports::artifact_writer>> begin() override { return error{errc::no_space, "the disk is full"}; }
  };
  const auto content = content_no(1);
  fake_peer peer{[&content](std::size_t, const std::string& request, line& to) { serve(content, request, to); }};
  scratch_directory directory;
  full_store full{directory.path()};
  const auto address = peer.address();
  const http::peer_artifacts a{full, [address] { return std::vector{address, address}; }, patient()};
  CHECK(a.path_of(sha256_of(content)).error().code == errc::no_space);
  CHECK(peer.requests().size() == 1);
}

TEST_CASE("a stop ends the waiting for other nodes and keeps what is here") {
  std::promise<void> has_come;
  fake_peer silent{[&has_come](std::size_t number, const std::string&, line& to) {
    if (number == 0) has_come.set_value();
    to.wait_for_close();
  }};
  peer_store a;
  a.set_peers({silent.address()});
  auto fetch = std::async(std::launch::async, [&a] { return a.all.path_of(sha256_of("abc")); });
  test::wait(has_come);
  a.all.stop();
  CHECK(fetch.get().error().code == errc::stopping);
  CHECK(a.has(a.put("kept").hash));
  CHECK(a.all.stat(sha256_of("kept")).has_value());
  CHECK(a.all.stat(sha256_of("abd")).error().code == errc::stopping);
}

TEST_CASE("all nodes agree on the order of their peers, whatever order they know them in") {
  const std::vector<std::string> known{"a:1", "b:1", "c:1", "d:1"};
  const std::vector<std::string> turned{known.rbegin(), known.rend()};
  const http::peer_order one{[&] { return known; }, 0ms}, other{[&] { return turned; }, 0ms};
  for (std::size_t number = 0; number < 20; ++number) {
    const auto hash = sha256_of(content_no(number));
    const auto left = one.of(hash);
    const auto right = other.of(hash);
    CHECK(std::ranges::equal(left, right, {}, &http::peer_order::candidate::address, &http::peer_order::candidate::address));
  }
}
