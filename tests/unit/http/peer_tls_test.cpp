#include "unit/http/auth/authority.hpp"
#include "unit/http/linked_node.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::http;
using namespace troupe::http::testing;
using auth::testing::authority;

namespace {

peer_options options_with(std::uint64_t id, const auth::tls_context* tls) {
  auto out = options_of(id);
  out.tls = tls;
  return out;
}

/// A node with links that prove who they are.
struct secure_node {
  /// @param named  the node that its certificate names; 0: itself
  secure_node(const authority& ca, std::uint64_t id, std::uint64_t named = 0)
      : own{model::node_id{id}},
        tls(ca.context_of(named == 0 ? id : named)),
        links(options_with(id, &*tls), heard),
        server([](server_options& o) { o.access.is_loopback_open = false; },
               [this](services with) {
                 with.links = &links;
                 with.tls = &*tls;
                 return with;
               }) {
    address = "127.0.0.1:" + std::to_string(server.port());
    REQUIRE(links.start(address).has_value());
  }
  template <class Node>
  void sends(const std::string& frame, const Node& to, const std::string& at) {
    links.set_address(to.own, at);
    links.send(to.own, frame);
  }
  [[nodiscard]] std::string error_of(model::node_id to) const {
    for (const auto& each : links.links()) {
      if (each.node == to) return each.last_error;
    }
    return {};
  }
  bool is_told(model::node_id to, std::string_view what) {
    return eventually([&] { return has(error_of(to), what); });
  }

  model::node_id own;
  std::string address;
  std::unique_ptr<auth::tls_context> tls;
  listening heard;
  peer_links links;
  served server;
};

}  // namespace

TEST_CASE("nodes with certificates of one cluster link, and send frames of any size both ways") {
  const authority ca;
  secure_node a{ca, 1}, b{ca, 2};
  const std::string large(5'000'000, 'x');
  a.sends("hello", b, b.address);
  a.sends(large, b, b.address);
  const auto got = b.heard.frames(1, 2);
  REQUIRE(got.size() == 2);
  CHECK(got[0] == "hello");
  CHECK(got[1] == large);
  for (int i = 0; i < 200; ++i) b.sends(std::to_string(i), a, a.address);
  const auto all = a.heard.frames(2, 200);
  REQUIRE(all.size() == 200);
  CHECK(all[199] == "199");
}

TEST_CASE("a node that is not the one of its certificate gets no link, whoever dials") {
  const authority ca;
  secure_node honest{ca, 1}, liar{ca, 2, 3};
  liar.sends("lie", honest, honest.address);
  CHECK(liar.is_told(honest.own, "its certificate says node 0000000000000003"));
  honest.sends("secret", liar, liar.address);
  CHECK(honest.is_told(liar.own, "its certificate says node 0000000000000003"));
  CHECK(honest.heard.frames(2, 0).empty());
  CHECK(liar.heard.frames(1, 0).empty());
  CHECK(honest.heard.peers() == 0);
}

TEST_CASE("a node of another authority gets no link") {
  const authority ca, stranger;
  secure_node a{ca, 1}, b{stranger, 2};
  a.sends("secret", b, b.address);
  CHECK(a.is_told(b.own, "its certificate is not of this cluster"));
  CHECK(b.heard.frames(1, 0).empty());
}

TEST_CASE("nodes with and without TLS do not link, and say why") {
  const authority ca;
  secure_node secure{ca, 1};
  linked_node plain{options_of(2)};
  plain.links.set_address(secure.own, secure.address);
  plain.links.send(secure.own, "x");
  CHECK(eventually([&] { return has(plain.link(1).last_error, "403"); }));
  secure.links.set_address(model::node_id{2}, plain.own.address);
  secure.links.send(model::node_id{2}, "x");
  CHECK(secure.is_told(model::node_id{2}, "does not speak TLS"));
}
