#include "http/peer_order.hpp"
#include "unit/http/client.hpp"
#include "unit/http/fake_peer.hpp"
#include "unit/http/peer_node.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <span>

using namespace troupe;
using namespace troupe::http::testing;

namespace {

/// Four nodes of which each artifact has its places at the first two.
struct four_nodes {
  four_nodes() {
    auto wanted = patient();
    wanted.copies = 2;
    for (int i = 0; i < 4; ++i) nodes.push_back(std::make_unique<peer_node>(wanted));
    for (const auto& node : nodes) addresses.push_back(node->address());
  }
  /// The nodes in the order of an artifact.
  std::vector<peer_node*> order_of(const digest& hash) {
    std::vector<peer_node*> out;
    for (const auto& address : http::peer_order::rank(hash, addresses))
      for (const auto& node : nodes)
        if (node->address() == address) out.push_back(node.get());
    return out;
  }
  http::repair_outcome repair(peer_node& at, const digest& hash) {
    return at.all.repair(std::span{&hash, 1}, addresses, at.address());
  }

  std::vector<std::unique_ptr<peer_node>> nodes;
  std::vector<std::string> addresses;
};

}  // namespace

TEST_CASE("the first place gives a copy to the second, once") {
  four_nodes all;
  const auto hash = sha256_of("abc");
  const auto order = all.order_of(hash);
  order[0]->own.put("abc", "image/png");
  const auto came_to = all.repair(*order[0], hash);
  CHECK(came_to.made == 1);
  CHECK(came_to.sent == bytes{3});
  CHECK_FALSE(came_to.is_short);
  CHECK(order[1]->own.stat(hash).value().media_type == "image/png");
  CHECK_FALSE(order[2]->has(hash));
  CHECK(all.repair(*order[0], hash).made == 0);
  CHECK(order[0]->all.counts().copies_restored == 1);
}

TEST_CASE("a node that is no place gives copies to all places, as long as none has one") {
  four_nodes all;
  const auto hash = sha256_of("abc");
  const auto order = all.order_of(hash);
  order[3]->own.put("abc", "image/png");
  SUBCASE("no place has one") {
    CHECK(all.repair(*order[3], hash).made == 2);
    CHECK(order[0]->has(hash));
  }
  SUBCASE("the second place has one") {
    order[1]->own.put("abc", "image/png");
    CHECK(all.repair(*order[3], hash).made == 1);
    CHECK(order[0]->has(hash));
  }
  SUBCASE("the first place has one: it sees to the second") {
    order[0]->own.put("abc", "image/png");
    CHECK(all.repair(*order[3], hash).made == 0);
    CHECK_FALSE(order[1]->has(hash));
  }
}

TEST_CASE("to look whether a place has its copy does not make it younger there") {
  four_nodes all;
  const auto hash = sha256_of("abc");
  const auto order = all.order_of(hash);
  for (auto* node : order) node->own.put("abc", "image/png");
  for (auto* node : order) all.repair(*node, hash);
  for (auto* node : order) CHECK(node->own.touches_of(hash) == 0);
}

TEST_CASE("a place that cannot be reached leaves the artifact short of a copy") {
  four_nodes all;
  const auto dead = dead_address();
  all.addresses = {all.nodes[0]->address(), dead};
  const auto hash = all.nodes[0]->own.put("abc", "image/png").hash;
  const auto came_to = all.repair(*all.nodes[0], hash);
  CHECK(came_to.made == 0);
  CHECK(came_to.is_short);
}

TEST_CASE("what was collected meanwhile is no repair's business") {
  four_nodes all;
  const auto came_to = all.repair(*all.nodes[0], sha256_of("gone"));
  CHECK(came_to.made == 0);
  CHECK_FALSE(came_to.is_short);
}

// -- touches ----------------------------------------------------------------------------------------------------------

TEST_CASE("a submission touches its artifacts; those that were old here are touched at the copies, too") {
  peer_node a, b, c;
  introduce(a, b, c);
  const auto image = a.put("picture").hash;
  const auto submit = [&] {
    return ask(a.http.port(), "POST", "/v1/jobs", json_type,
               R"({"pipeline":"talk","inputs":{"text":"hello","image":{"artifact":")" + image.hex() + "\"}}}")
        .status;
  };
  CHECK(submit() == 202);
  CHECK(a.own.touches_of(image) == 1);
  CHECK(b.own.touches_of(image) == 0);

  a.own.untouched_for = 1h;
  CHECK(submit() == 202);

  CHECK(a.own.touches_of(image) >= 2);
  CHECK(b.own.touches_of(image) == 1);
  CHECK(c.own.touches_of(image) == 1);
}

TEST_CASE("a submission touches an artifact that only another node has, and fetches nothing") {
  peer_node a, b;
  introduce(a, b);
  const auto image = b.own.put("picture", "image/png").hash;
  const auto body = R"({"pipeline":"talk","inputs":{"text":"hello","image":{"artifact":")" + image.hex() + "\"}}}";
  CHECK(ask(a.http.port(), "POST", "/v1/jobs", json_type, body).status == 202);
  CHECK(b.own.touches_of(image) == 1);
  CHECK_FALSE(a.has(image));
}

TEST_CASE("a look at a peer's artifact is no touch unless it says so") {
  peer_node node;
  const auto hash = node.own.put("abc", "image/png").hash;
  const auto path = "/v1/peers/artifacts/" + hash.hex();
  CHECK(ask(node.http.port(), "HEAD", path).status == 200);
  CHECK(node.own.touches_of(hash) == 0);
  CHECK(ask(node.http.port(), "HEAD", path + "?touch").status == 200);
  CHECK(node.own.touches_of(hash) == 1);
  CHECK(ask(node.http.port(), "HEAD", "/v1/peers/artifacts/" + sha256_of("x").hex() + "?touch").status == 404);
}

TEST_CASE("a copy that is put where it is already is touched") {
  peer_node node;
  const auto hash = node.own.put("abc", "image/png").hash;
  CHECK(ask(node.http.port(), "PUT", "/v1/peers/artifacts/" + hash.hex(), "Content-Type: image/png\r\n", "abc").status == 200);
  CHECK(node.own.touches_of(hash) == 1);
}

TEST_CASE("many artifacts are looked after at once, each as if it were alone") {
  four_nodes all;
  std::vector<digest> hashes;
  auto& at = *all.nodes[0];
  for (int i = 0; i < 40; ++i) {
    const auto content = "content " + std::to_string(i);
    const auto hash = at.own.put(content, "image/png").hash;
    hashes.push_back(hash);
    const auto order = all.order_of(hash);
    if (i % 3 == 0) order[1]->own.put(content, "image/png");
  }
  const auto came_to = at.all.repair(hashes, all.addresses, at.address());
  CHECK_FALSE(came_to.is_short);
  for (const auto& hash : hashes) {
    const auto order = all.order_of(hash);
    CHECK(order[0]->has(hash));
    CHECK(order[1]->has(hash));
    CHECK_FALSE((order[2] != &at && order[2]->has(hash)));
  }
  CHECK(at.all.repair(hashes, all.addresses, at.address()).made == 0);
}

TEST_CASE("who looks after the copies of many artifacts waits for a silent node once") {
  fake_peer silent{[](std::size_t, const std::string&, fake_peer::line& to) { to.wait_for_close(); }};
  auto options = patient();
  options.copies = 2;
  options.silence_most = 2s;
  options.silent_comes_last = duration{3'600'000};
  peer_store a{options};
  const std::string self = "127.0.0.1:1";
  for (const auto* content : {"first", "second", "third"}) {
    const auto hash = a.put(content).hash;
    CHECK(a.all.repair(std::span{&hash, 1}, {self, silent.address()}, self).is_short);
  }
  CHECK(silent.requests().size() == 1);
}
