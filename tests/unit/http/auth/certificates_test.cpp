#include "unit/http/auth/authority.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::auth;
using namespace troupe::auth::testing;

namespace {

constexpr model::node_id own{0xabc};
const std::vector<std::string> names{"node1.example.org", "10.0.0.1", "::1"};

}  // namespace

TEST_CASE("a certificate names its node and holds for the time that was given") {
  const authority ca;
  const auto now = today();
  const auto asked = make_signing_request(make_key(), own, names).value();

  const auto facts = read_certificate(sign(ca.own, asked, {now, std::chrono::hours{48}}).value()).value();

  CHECK(facts.node == own);
  CHECK(facts.from <= now);
  CHECK(facts.until > now + std::chrono::hours{47});
  CHECK(facts.until <= now + std::chrono::hours{48});
  CHECK(read_certificate(ca.own.certificate).value().node.raw() == 0);
}

TEST_CASE("a signing request says what was asked for, and only its own key can make it") {
  const auto asked = make_signing_request(make_key(), own, names).value();
  const auto read = read_signing_request(asked).value();
  CHECK(read.node == own);
  CHECK(read.names == names);
  CHECK(read.public_key != read_signing_request(make_signing_request(make_key(), own, names).value()).value().public_key);

  auto forged = asked;
  const auto middle = forged.find('\n', forged.size() / 2) + 10;
  forged[middle] = forged[middle] == 'A' ? 'B' : 'A';
  for (const auto& bad : {std::string{}, std::string{"text"}, asked.substr(0, 100), forged}) {
    const auto refused = read_signing_request(bad);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == errc::bad_request);
  }
}

TEST_CASE("what may stand in a certificate cannot break out of it") {
  for (const auto* good : {"localhost", "node-1.example.org", "10.1.2.3", "fe80::1"}) CHECK(is_certificate_name(good));
  for (const auto* bad : {"", "a,DNS:b", "a b", "*.example.org", "a:b", "a/b", "[::1]"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_certificate_name(bad));
  }
  CHECK_FALSE(is_certificate_name(std::string(254, 'a')));
}

TEST_CASE("more names than a node has are not signed") {
  const std::vector<std::string> many(names_most + 1, "a.example");
  CHECK_FALSE(read_signing_request(make_signing_request(make_key(), own, many).value()).has_value());
  CHECK(read_signing_request(make_signing_request(make_key(), own, {many.begin() + 1, many.end()}).value()).has_value());
}

TEST_CASE("a certificate is checked against key, authority and time") {
  const authority ca, other;
  const auto mine = ca.sign_for(7, std::chrono::hours{1});
  CHECK(check_certificate(mine, ca.own.certificate, today()).has_value());
  CHECK_FALSE(check_certificate(mine, other.own.certificate, today()).has_value());
  CHECK_FALSE(check_certificate({make_key(), mine.certificate}, ca.own.certificate, today()).has_value());
  const auto late = check_certificate(mine, ca.own.certificate, today() + std::chrono::hours{2});
  REQUIRE_FALSE(late.has_value());
  CHECK(late.error().detail.find("expired") != std::string::npos);
  CHECK_FALSE(check_certificate({mine.key, "text"}, ca.own.certificate, today()).has_value());
}
