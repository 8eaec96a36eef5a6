#include "http/peer_links.hpp"
#include "unit/http/client.hpp"
#include "unit/http/fakes.hpp"

#include <doctest/doctest.h>

#include <atomic>

// Goal: what a backup gets has everything that was acknowledged before it asked. Method: a real server; the disk is behind, and
// comes nearer with each look.
using namespace troupe;
using namespace troupe::http::testing;

namespace {

/// A disk that shows one entry more each time it is looked at.
class late_disk final : public model::ports::snapshot_source {
 public:
  result<std::unique_ptr<model::ports::snapshot_stream>> open(std::uint32_t shard) override {
    CHECK(shard == 0);
    if (opened == 0 && is_new) {
      ++opened;
      return error{errc::not_found, "shard 0 has no state yet", 1s};
    }
    return std::unique_ptr<model::ports::snapshot_stream>{std::make_unique<stream>(std::min(++opened, most))};
  }

  std::uint64_t opened = 0, most = 100;
  bool is_new = false;

 private:
  class stream final : public model::ports::snapshot_stream {
   public:
    explicit stream(std::uint64_t position) : position_(position) {}
    [[nodiscard]] std::uint64_t position() const override { return position_; }
    [[nodiscard]] std::uint64_t keys_about() const override { return 12; }
    result<std::string_view> next() override {
      if (std::exchange(is_read_, true)) return std::string_view{};
      text_ = "the state at " + std::to_string(position_);
      return std::string_view{text_};
    }

   private:
    std::uint64_t position_;
    std::string text_;
    bool is_read_ = false;
  };
};

struct deaf final : model::ports::transport_listener {
  void on_peer(const model::ports::node_card&) override {}
  void on_frame(model::node_id, std::string) override {}
  void on_rest() override {}
  void on_gone(model::node_id) override {}
  void on_refused(model::node_id, const std::string&, bool) override {}
};

struct node_with_disk {
  explicit node_with_disk(duration patience = 20s)
      : http([patience](http::server_options& options) { options.request_timeout = patience; },
             [this](http::services with) {
               with.snapshots = &disk;
               with.links = &links;
               return with;
             }) {}
  [[nodiscard]] answer get(std::string_view method = "GET") const { return ask(http.port(), method, "/v1/backup"); }

  deaf nobody;
  http::peer_links links{{.card = {model::node_id{1}, model::incarnation{1}, 0xC0FFEE, "127.0.0.1:1"}, .seeds = {}}, nobody};
  late_disk disk;
  served http;
};

}  // namespace

TEST_CASE("a backup waits until the disk shows what was acknowledged") {
  node_with_disk node;
  node.disk.is_new = true;
  node.http.w.position = 7;
  const auto got = node.get();
  CHECK(got.status == 200);
  CHECK(got.body.find("the state at 7") != std::string::npos);
  CHECK(got.header("troupe-cluster") == "0000000000c0ffee");
  CHECK(got.header("troupe-index") == "7");
  CHECK(got.header("troupe-keys-about") == "12");
  CHECK(node.disk.opened == 7);
}

TEST_CASE("a backup of a shard that is not there is refused") {
  node_with_disk node;
  const auto got = ask(node.http.port(), "GET", "/v1/backup?shard=1");
  CHECK(got.status == 404);
  CHECK(got.body.find("this cluster has 1") != std::string::npos);
  CHECK(ask(node.http.port(), "HEAD", "/v1/backup?shard=0").header("troupe-shards") == "1");
}

TEST_CASE("a backup from a disk that stays behind is refused") {
  node_with_disk node{50ms};
  node.disk.most = 6;
  const auto got = node.get();
  CHECK(got.status == 503);
  CHECK(got.body.find("does not show entry 7 yet") != std::string::npos);
}

TEST_CASE("a backup of what nobody can confirm is refused") {
  node_with_disk node;
  node.http.w.refuse_with = error{errc::not_leader, "no majority"};
  CHECK(node.get().status == 503);
  CHECK(node.disk.opened == 0);
}

TEST_CASE("the head of a backup comes without it") {
  node_with_disk node;
  const auto got = node.get("HEAD");
  CHECK(got.status == 200);
  CHECK(got.body.empty());
  CHECK(got.header("troupe-cluster") == "0000000000c0ffee");
}
