#include "http/certifier.hpp"
#include "http/peer_client.hpp"
#include "unit/http/auth/authority.hpp"
#include "unit/http/client.hpp"
#include "unit/http/fakes.hpp"
#include "unit/http/tls_client.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::http;
using namespace troupe::http::testing;
using auth::testing::authority;

namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// Signs for whoever has the token "good".
class fake_certifier final : public certifier {
 public:
  explicit fake_certifier(const authority& ca) : ca_(ca) {}
  result<auth::granted> certify(const certificate_request& asked, std::optional<model::node_id> proven) const override {
    if (!proven && asked.token_id != "good") return error{errc::conflict, "the join token has expired"};
    TROUPE_TRY(auto made, auth::sign(ca_.own, asked.request, {auth::testing::today(), std::chrono::hours{1}}));
    return auth::granted{std::move(made), ca_.own.certificate, sha256_of("key")};
  }

 private:
  const authority& ca_;
};

/// A node with a certificate. Its clients here are all on this machine, so it is as strict with them as with others.
struct tls_node {
  explicit tls_node(bool is_strict = true, std::function<void(server_options&)> change = {})
      : http(
          [=](server_options& o) {
            o.access = {sha256_of("key"), !is_strict};
            if (change) change(o);
          },
          [this](services with) {
            with.tls = own.get();
            with.certificates = &signer;
            return with;
          }) {}
  [[nodiscard]] std::uint16_t port() const { return http.port(); }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port()); }
  /// What a client without a certificate is answered.
  [[nodiscard]] std::string ask(std::string_view request) const {
    const auto anybody = ca.context_for_joining();
    tls_client c{port()};
    REQUIRE(c.shake_hands(*anybody));
    c.send(request);
    return c.read_to_end();
  }

  authority ca;
  std::unique_ptr<auth::tls_context> own = ca.context_of(1);
  fake_certifier signer{ca};
  served http;
};

std::string get(std::string_view path, std::string_view headers = "") {
  return "GET " + std::string{path} + " HTTP/1.1\r\nHost: anything.example\r\nConnection: close\r\n" + std::string{headers}
         + "\r\n";
}

struct limits_for {
  stop_signal stop;
  [[nodiscard]] peer_limits with(const auth::tls_context* tls) const {
    return {10s, 10s, std::chrono::steady_clock::now() + 20s, 1_MiB, &stop, tls};
  }
};

}  // namespace

TEST_CASE("over TLS the API key opens what is closed without it") {
  const tls_node node;
  const auto refused = node.ask(get("/v1/node"));
  CHECK(has(refused, "HTTP/1.1 401 Unauthorized\r\n"));
  CHECK(has(refused, "WWW-Authenticate: Bearer realm=\"troupe\"\r\n"));
  CHECK(has(refused, "\"code\":\"unauthorized\""));
  CHECK(has(node.ask(get("/v1/node", "Authorization: Bearer kez\r\n")), "error=\"invalid_token\""));
  CHECK(has(node.ask(get("/v1/node", "Authorization: Bearer key\r\n")), "HTTP/1.1 200 OK\r\n"));
  CHECK(has(node.ask(get("/healthz")), "HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("a browser signs in with the key, and shows what it got instead") {
  const tls_node node;
  const auto sign_in = [](std::string_view headers) {
    return "POST /v1/sign-in HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 0\r\n" + std::string{headers} + "\r\n";
  };
  CHECK(has(node.ask(sign_in("")), "401 Unauthorized"));
  CHECK(has(node.ask(sign_in("Authorization: Bearer kez\r\n")), "401 Unauthorized"));
  CHECK(has(node.ask(sign_in("Authorization: Bearer key\r\nOrigin: https://elsewhere\r\n")), "403 Forbidden"));
  const auto signed_in = node.ask(sign_in("Authorization: Bearer key\r\n"));
  CHECK(has(signed_in, "HTTP/1.1 204 No Content\r\n"));
  CHECK(has(signed_in, "; Path=/; Max-Age=43200; Secure; HttpOnly; SameSite=Strict\r\n"));
  const auto from = signed_in.find("__Host-troupe-");
  REQUIRE(from != std::string::npos);
  const auto cookie = signed_in.substr(from, signed_in.find(';', from) - from);
  CHECK(has(node.ask(get("/v1/node", "Cookie: " + cookie + "\r\n")), "HTTP/1.1 200 OK\r\n"));
  const auto upgrade = "Cookie: " + cookie + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  CHECK(
      has(node.ask("GET /v1/inspect HTTP/1.1\r\nHost: h\r\nOrigin: https://elsewhere\r\n" + upgrade + "\r\n"), "403 Forbidden"));
  CHECK(has(node.ask(sign_in("Cookie: " + cookie + "\r\n")), "401 Unauthorized"));  // it does not prolong itself
  CHECK(has(node.ask(get("/v1/peers/snapshots/0", "Cookie: " + cookie + "\r\n")), "node_certificate_required"));
  CHECK(has(node.ask("DELETE /v1/sign-in HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), "=; Path=/; Max-Age=0;"));
  CHECK(has(node.ask(get("/inspector")), "HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("who is trusted for being on this machine gets no cookie that is good elsewhere") {
  const tls_node open{false};
  CHECK(ask(open.port(), "POST", "/v1/sign-in").status == 401);
  const served plain;
  CHECK(ask(plain.port(), "POST", "/v1/sign-in").status == 409);
}

TEST_CASE("plain HTTP is refused where TLS is asked for, and goes on on this machine where it is not") {
  const tls_node strict, open{false};
  CHECK(ask(strict.port(), "GET", "/v1/node").status == 403);
  CHECK(has(ask(strict.port(), "GET", "/healthz").body, "https_required"));
  CHECK(ask(open.port(), "GET", "/v1/node").status == 200);
  CHECK(has(open.ask("GET /v1/node HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), "200 OK"));
  CHECK(has(open.ask(get("/v1/node")), "421 Misdirected"));  // a page that another name leads to is still kept out
}

TEST_CASE("requests follow each other on a connection with TLS, with large bodies both ways") {
  const tls_node node;
  const auto anybody = node.ca.context_for_joining();
  const std::string body(3'000'000, 'x');
  tls_client c{node.port()};
  REQUIRE(c.shake_hands(*anybody));
  c.send(
      "POST /v1/artifacts HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer key\r\nContent-Type: image/png\r\nContent-Length: "
      "3000000\r\n\r\n"
      + body);
  c.send(get("/v1/artifacts/" + sha256_of(body).hex(), "Authorization: Bearer key\r\n"));
  const auto all = c.read_to_end();
  CHECK(has(all, "HTTP/1.1 201 Created\r\n"));
  CHECK(all.ends_with(body));
}

TEST_CASE("only nodes of the cluster ask what nodes ask each other") {
  const tls_node node;
  CHECK(has(node.ask(get("/v1/peers/snapshots/0", "Authorization: Bearer key\r\n")), "node_certificate_required"));
  const limits_for limits;
  const auto peer = node.ca.context_of(2);
  const auto known = peer_client{node.address(), limits.with(&*peer)}.stat(sha256_of("x"));
  REQUIRE_FALSE(known.has_value());
  CHECK(known.error().code == errc::not_found);  // it may ask, and there is no such thing
  const authority stranger;
  const auto foreign = stranger.context_of(2);
  const auto refused = peer_client{node.address(), limits.with(&*foreign)}.stat(sha256_of("x"));
  REQUIRE_FALSE(refused.has_value());
  CHECK(has(refused.error().detail, "its certificate is not of this cluster"));
}

TEST_CASE("a client with a certificate of another cluster is turned away in the handshake") {
  const tls_node node;
  const authority stranger;
  // It believes the node, and shows what a stranger has signed.
  const auto thief = auth::tls_context::for_node(stranger.sign_for(2), node.ca.own.certificate).value();
  tls_client c{node.port()};
  CHECK(c.shake_hands(*thief));  // with TLS 1.3 the answer comes after its own handshake
  c.send(get("/healthz"));
  CHECK(c.read_to_end().empty());
  CHECK(has(c.why(), "does not accept our certificate"));
}

TEST_CASE("a node joins with a token, and renews with the certificate that it has") {
  const tls_node node;
  const limits_for limits;
  const auto key = auth::make_key();
  const auto asked = auth::make_signing_request(key, model::node_id{7}, {"localhost"}).value();
  const auto joining = node.ca.context_for_joining();
  const peer_client stranger{node.address(), limits.with(&*joining)};
  const auto got = stranger.get_certificate({asked, "good", "secret"});
  REQUIRE(got.has_value());
  CHECK(auth::check_certificate({key, got->certificate}, node.ca.own.certificate, auth::testing::today()).has_value());
  CHECK(got->admin_key == sha256_of("key"));

  const auto old = stranger.get_certificate({asked, "old", "secret"});
  REQUIRE_FALSE(old.has_value());
  CHECK(old.error().code == errc::conflict);
  CHECK(has(old.error().detail, "has expired"));
  CHECK_FALSE(stranger.get_certificate({"nonsense", "good", "secret"}).has_value());
  CHECK_FALSE(stranger.get_certificate({asked, {}, {}}).has_value());

  const auto member = auth::tls_context::for_node({key, got->certificate}, got->authority).value();
  CHECK(peer_client{node.address(), limits.with(&*member)}.get_certificate({asked, {}, {}}).has_value());
}

TEST_CASE("a handshake that is garbage, slow or broken off ends the connection, and the node goes on") {
  const tls_node node{true, [](server_options& o) { o.header_timeout = 100ms; }};
  tls_client garbage{node.port()};
  garbage.send_raw(std::string{"\x16\x03\x01\x02\x00", 5} + std::string(600, 'x'));
  CHECK(has(garbage.read_raw_to_end(), "\x15"));  // an alert (RFC 8446, 5.1)
  tls_client slow{node.port()};
  slow.send_raw(std::string{"\x16\x03\x01", 3});
  CHECK(slow.read_raw_to_end().empty());
  { const tls_client gone{node.port()}; }
  {
    const tls_client gone{node.port()};
    gone.send_raw(std::string{"\x16\x03\x01\x02\x00\x01", 6});
  }
  CHECK(has(node.ask(get("/healthz")), "200 OK"));
}

TEST_CASE("a server with open handshakes stops at once") {
  auto node = std::make_unique<tls_node>();
  const tls_client silent{node->port()}, begun{node->port()};
  begun.send_raw(std::string{"\x16\x03\x01", 3});
  CHECK(has(node->ask(get("/healthz")), "200 OK"));
  const auto began = std::chrono::steady_clock::now();
  node.reset();
  CHECK(std::chrono::steady_clock::now() - began < 5s);
}
