#include "unit/http/client.hpp"
#include "unit/http/peer_node.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::http::testing;

namespace {

std::string path_for(const digest& hash) { return "/v1/peers/artifacts/" + hash.hex(); }
constexpr std::string_view png = "Content-Type: image/png\r\n";

/// A store whose disk is full after a few bytes.
class full_store final : public test::directory_store {
 public:
  using directory_store::directory_store;
  result<std::unique_ptr<model::ports::artifact_writer>> begin() override {
    return error{errc::no_space, "the disk is full", std::chrono::milliseconds{5000}};
  }
};

}  // namespace

TEST_CASE("a node outside of a cluster has nothing for peers") {
  served s;
  const auto hash = s.artifacts.put("abc", "image/png");
  CHECK(ask(s.port(), "GET", path_for(hash)).status == 404);
  CHECK(ask(s.port(), "PUT", path_for(hash), png, "abc").status == 404);
}

TEST_CASE("a peer reads an artifact of this node's own store, or a range of it") {
  peer_node node;
  const auto hash = node.own.put("0123456789", "video/mp4").hash;
  client c{node.http.port()};
  const auto whole = c.ask("GET", path_for(hash));
  CHECK(whole.status == 200);
  CHECK(whole.body == "0123456789");
  CHECK(whole.header("content-type") == "video/mp4");
  const auto tag = whole.header("etag");
  const auto part = c.ask("GET", path_for(hash), "Range: bytes=4-\r\nIf-Range: " + tag + "\r\n");
  CHECK(part.status == 206);
  CHECK(part.header("content-range") == "bytes 4-9/10");
  CHECK(part.body == "456789");
  CHECK(c.ask("GET", path_for(hash), "Range: bytes=4-\r\nIf-Range: \"x\"\r\n").body == "0123456789");
  const auto head = c.ask("HEAD", path_for(hash));
  CHECK(head.status == 200);
  CHECK(head.header("content-length") == "10");
  CHECK(c.ask("GET", path_for(hash) + "?download").status == 400);
  CHECK(c.ask("GET", "/v1/peers/artifacts/abc").status == 404);
}

TEST_CASE("a peer is never sent on to other nodes") {
  peer_node here, there;
  introduce(here, there);
  const auto hash = there.own.put("abc", "image/png").hash;
  CHECK(ask(here.http.port(), "GET", path_for(hash)).status == 404);
  CHECK_FALSE(here.has(hash));
  CHECK(ask(here.http.port(), "PUT", path_for(sha256_of("new")), png, "new").status == 201);
  CHECK_FALSE(there.has(sha256_of("new")));
}

TEST_CASE("a peer puts a copy, with the media type as it is") {
  peer_node node;
  const auto hash = sha256_of("{}");
  client c{node.http.port()};
  CHECK(c.ask("PUT", path_for(hash), "Content-Type: video/mp4; codecs=\"avc1\"\r\n", "{}").status == 201);
  CHECK(node.own.stat(hash)->media_type == "video/mp4; codecs=\"avc1\"");
  CHECK(node.own.content_of(hash) == "{}");
  CHECK(c.ask("PUT", path_for(sha256_of("")), std::string{png} + "Content-Length: 0\r\n").status == 201);
  CHECK(node.has(sha256_of("")));
}

TEST_CASE("the body of a copy that is here already is not asked for") {
  peer_node node;
  const auto hash = node.own.put("abc", "image/png").hash;
  client c{node.http.port()};
  c.send("PUT " + path_for(hash) + " HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  CHECK(c.read_answer().value().status == 200);
  c.half_close();
  CHECK(c.is_closed_by_server());
  client fresh{node.http.port()};
  fresh.send("PUT " + path_for(sha256_of("abd"))
             + " HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  CHECK(fresh.read_answer().value().status == 100);
  fresh.send("abd");
  CHECK(fresh.read_answer().value().status == 201);
}

TEST_CASE("bytes with another digest than their name are not kept") {
  peer_node node;
  const auto put = ask(node.http.port(), "PUT", path_for(sha256_of("abc")), png, "abd");
  CHECK(put.status == 400);
  CHECK(put.body.find("not the announced") != std::string::npos);
  CHECK_FALSE(node.has(sha256_of("abc")));
  CHECK_FALSE(node.has(sha256_of("abd")));
  CHECK(std::filesystem::is_empty(node.directory.path()));
}

TEST_CASE("a copy has the limits of an upload") {
  peer_node node{patient(), [](auto& options) { options.upload_most = bytes{1000}; }};
  const std::string content(1001, 'x');
  const auto hash = sha256_of(content);
  CHECK(ask(node.http.port(), "PUT", path_for(hash), png, content).status == 413);
  client c{node.http.port()};
  c.send("PUT " + path_for(hash) + " HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + content
         + "\r\n");
  CHECK(c.read_answer().value().status == 413);
  CHECK_FALSE(node.has(hash));

  scratch_directory directory;
  full_store full{directory.path()};
  served s{{}, [&full](const http::services& with) {
             return http::services{with.system, with.actors, full, with.pipelines, with.metrics_text, nullptr, &full};
           }};
  const auto refused = ask(s.port(), "PUT", path_for(sha256_of("abc")), png, "abc");
  CHECK(refused.status == 507);
  CHECK(refused.header("retry-after") == "5");
}

TEST_CASE("the paths for peers say what they take, and refuse foreign pages") {
  peer_node node;
  const auto path = path_for(sha256_of("abc"));
  const auto wrong = ask(node.http.port(), "POST", path, png, "abc");
  CHECK(wrong.status == 405);
  CHECK(wrong.header("allow") == "GET, HEAD, PUT");
  CHECK(ask(node.http.port(), "PUT", path, "Sec-Fetch-Site: cross-site\r\n", "abc").status == 403);
  CHECK(ask(node.http.port(), "PUT", path, "Origin: http://evil.example\r\n", "abc").status == 403);
  CHECK_FALSE(node.has(sha256_of("abc")));
}
