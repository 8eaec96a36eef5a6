#include "http/peer_client.hpp"
#include "unit/http/client.hpp"
#include "unit/http/fake_peer.hpp"
#include "unit/http/fakes.hpp"

#include <doctest/doctest.h>

#include <optional>

// Goal: the bytes of a snapshot arrive as they are, or the client knows that they did not. Method: a real server and a fake one.
using namespace troupe;
using namespace troupe::http::testing;
using std::chrono::steady_clock;
using line = fake_peer::line;

namespace {

/// Gives shard 7 as so many pieces, or fails after some of them.
class fake_source final : public model::ports::snapshot_source {
 public:
  result<std::unique_ptr<model::ports::snapshot_stream>> open(std::uint32_t shard) override {
    if (shard != 7) return error{errc::not_found, "no such shard"};
    return std::unique_ptr<model::ports::snapshot_stream>{std::make_unique<stream>(*this)};
  }
  static std::string piece(std::size_t number) { return std::string(60'000 + number, static_cast<char>('a' + number % 26)); }

  std::size_t pieces = 40;
  std::optional<std::size_t> fails_after;

 private:
  class stream final : public model::ports::snapshot_stream {
   public:
    explicit stream(const fake_source& from) : from_(from) {}
    [[nodiscard]] std::uint64_t position() const override { return 1; }
    [[nodiscard]] std::uint64_t keys_about() const override { return 4711; }
    result<std::string_view> next() override {
      if (from_.fails_after == at_) return error{errc::io_failed, "the disk is gone"};
      if (at_ == from_.pieces) return std::string_view{};
      piece_ = piece(at_++);
      return std::string_view{piece_};
    }

   private:
    const fake_source& from_;
    std::size_t at_ = 0;
    std::string piece_;
  };
};

struct snapshot_node {
  snapshot_node()
      : http({}, [this](http::services with) {
          with.snapshots = &source;
          return with;
        }) {}
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(http.port()); }

  fake_source source;
  served http;
};

struct asking {
  result<void> read(const std::string& address, std::uint32_t shard = 7) {
    return http::peer_client{address, limits}.get_snapshot(shard, [this](std::string_view piece) -> result<void> {
      got += piece;
      if (got.size() > most) return error{errc::corrupt, "not what I wanted"};
      return {};
    });
  }

  http::stop_signal stop;
  http::peer_limits limits{20s, 20s, steady_clock::time_point::max(), 1_MiB, &stop};
  std::string got;
  std::size_t most = std::string::npos;
};

constexpr std::string_view chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

}  // namespace

TEST_CASE("a node outside of a cluster has no snapshots") {
  const served s;
  CHECK(ask(s.port(), "GET", "/v1/peers/snapshots/0").status == 404);
}

TEST_CASE("a snapshot arrives as it is") {
  const snapshot_node node;
  asking one;
  REQUIRE(one.read(node.address()).has_value());
  std::string expected;
  for (std::size_t i = 0; i < node.source.pieces; ++i) expected += fake_source::piece(i);
  CHECK(one.got == expected);
}

TEST_CASE("what is no shard of the node is not found") {
  const snapshot_node node;
  CHECK(asking{}.read(node.address(), 8).error().code == errc::not_found);
  for (const auto* path : {"8", "x", "4294967303", "-7"}) {
    CAPTURE(path);
    CHECK(ask(node.http.port(), "GET", "/v1/peers/snapshots/" + std::string{path}).status == 404);
  }
  CHECK(ask(node.http.port(), "GET", "/v1/peers/snapshots/7?x=1").status == 400);
  CHECK(ask(node.http.port(), "PUT", "/v1/peers/snapshots/7", "", "x").status == 405);
  CHECK(ask(node.http.port(), "HEAD", "/v1/peers/snapshots/7").status == 200);
}

TEST_CASE("a node that cannot read on cuts the connection") {
  snapshot_node node;
  node.source.fails_after = 3;
  asking one;
  CHECK(one.read(node.address()).error().code == errc::io_failed);
  CHECK(one.got.size() <= 3 * 60'003);
}

TEST_CASE("a connection that is cut is no end of a snapshot") {
  fake_peer peer{[](std::size_t, const std::string&, line& to) {
    to.send(chunked);
    to.send("5\r\nbytes\r\n");
  }};
  asking one;
  CHECK(one.read(peer.address()).error().code == errc::io_failed);
  CHECK(one.got == "bytes");
}

TEST_CASE("a node that falls silent is given up") {
  fake_peer peer{[](std::size_t, const std::string&, line& to) {
    to.send(chunked);
    to.send("5\r\nbytes\r\n");
    to.wait_for_close();
  }};
  asking one;
  one.limits.silence_most = 50ms;
  CHECK(one.read(peer.address()).error().code == errc::timed_out);
}

TEST_CASE("who takes a snapshot may end it") {
  const snapshot_node node;
  asking one;
  one.most = 100'000;
  CHECK(one.read(node.address()).error().detail == "not what I wanted");
}

TEST_CASE("a stop ends the wait for a snapshot") {
  const snapshot_node node;
  asking one;
  one.stop.raise();
  CHECK(one.read(node.address()).error().code == errc::stopping);
}
