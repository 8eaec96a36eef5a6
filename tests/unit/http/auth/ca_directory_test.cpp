#include "http/auth/ca_directory.hpp"

#include "http/auth/secret_files.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdlib>

using namespace troupe;
using namespace troupe::auth;

namespace {

constexpr timestamp now{std::chrono::milliseconds{1'767'225'600'000}};
const digest key_a = sha256_of("a"), key_b = sha256_of("b");

/// A directory that goes away with its owner.
struct scratch {
  scratch() {
    std::string pattern = (std::filesystem::temp_directory_path() / "troupe-ca-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~scratch() { std::filesystem::remove_all(path); }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  std::filesystem::path path;
};

struct made_ca : scratch {
  std::string key = ca_directory::init(path / "ca", now).value();
  ca_directory ca = ca_directory::open(path / "ca").value();
};

mode_t mode_of(const std::filesystem::path& path) {
  struct stat about {};
  ::stat(path.c_str(), &about);
  return about.st_mode & 0777;
}

std::string why(const result<void>& refused) { return refused ? "" : refused.error().detail; }
bool says(const result<void>& refused, const std::string& what) { return why(refused).find(what) != std::string::npos; }

}  // namespace

TEST_CASE("a cluster's directory keeps its secrets to its owner, and of the API key only the hash") {
  const made_ca m;
  CHECK(m.ca.admin_key() == sha256_of(m.key));
  CHECK(mode_of(m.path / "ca") == 0700);
  for (const auto* file : {"ca.key", "ca.crt", "admin-key"}) {
    CAPTURE(file);
    CHECK(mode_of(m.path / "ca" / file) == 0600);
    CHECK(read_small_file(m.path / "ca" / file).value().find(m.key) == std::string::npos);
  }
  const auto again = ca_directory::init(m.path / "ca", now);
  REQUIRE_FALSE(again.has_value());
  CHECK(again.error().code == errc::conflict);
  CHECK(ca_directory::open(m.path / "ca").value().certificate() == m.ca.certificate());
  CHECK_FALSE(ca_directory::open(m.path / "nothing").has_value());
}

TEST_CASE("a join token reads as it was written, and nothing else is one") {
  const made_ca m;
  const auto token = m.ca.make_token(1h, now).value();
  const auto read = read_join_token(to_text(token)).value();
  CHECK(read.authority == read_certificate(m.ca.certificate()).value().fingerprint);
  CHECK(read.id == token.id);
  CHECK(read.secret == token.secret);
  const auto text = to_text(token);
  for (const auto& bad : {std::string{}, text + "0", text.substr(1), text.substr(0, text.size() - 1), "x" + text, text + "."}) {
    CAPTURE(bad);
    CHECK_FALSE(read_join_token(bad).has_value());
  }
}

TEST_CASE("a token lets one node in, until it expires") {
  const made_ca m;
  const auto token = m.ca.make_token(1h, now).value();
  CHECK(m.ca.redeem(token.id, token.secret, key_a, now).has_value());
  CHECK(m.ca.redeem(token.id, token.secret, key_a, now + 30min).has_value());  // its answer was lost
  CHECK(says(m.ca.redeem(token.id, token.secret, key_b, now), "used by another node"));
  CHECK(says(m.ca.redeem(token.id, token.secret, key_a, now + 1h), "expired"));
}

TEST_CASE("a token of another cluster, a wrong secret and nonsense are refused") {
  const made_ca m, other;
  const auto token = m.ca.make_token(1h, now).value();
  const auto foreign = other.ca.make_token(1h, now).value();
  CHECK(says(m.ca.redeem(foreign.id, foreign.secret, key_a, now), "not known"));
  CHECK(says(m.ca.redeem(token.id, foreign.secret, key_a, now), "not known"));
  CHECK(says(m.ca.redeem("../ca.key", token.secret, key_a, now), "malformed"));
  CHECK(m.ca.redeem(token.id, token.secret, key_a, now).has_value());  // none of this has used it up
}

TEST_CASE("tokens that expired a day ago are removed") {
  const made_ca m;
  const auto old = m.ca.make_token(1h, now).value();
  CHECK(m.ca.make_token(1h, now + 24h).has_value());
  CHECK(std::filesystem::exists(m.path / "ca" / "tokens" / old.id));
  CHECK(m.ca.make_token(1h, now + 26h).has_value());
  CHECK_FALSE(std::filesystem::exists(m.path / "ca" / "tokens" / old.id));
}

TEST_CASE("a node keeps what it was granted, readable by its owner alone") {
  const made_ca m;
  const auto home = m.path / "tls";
  CHECK_FALSE(load_credentials(home).value().has_value());
  const auto key = load_or_make_key(home).value();
  CHECK(load_or_make_key(home).value() == key);
  CHECK_FALSE(load_credentials(home).value().has_value());  // a key alone is nothing yet
  const auto asked = make_signing_request(key, model::node_id{5}, {"localhost"}).value();
  REQUIRE(store_granted(home, m.ca.grant(asked, {now, std::chrono::hours{24 * 90}}).value()).has_value());

  const auto loaded = load_credentials(home).value();
  REQUIRE(loaded.has_value());
  CHECK(check_certificate(loaded->own, loaded->authority, now).has_value());
  CHECK(loaded->admin_key == sha256_of(m.key));
  CHECK(mode_of(home) == 0700);
  for (const auto* file : {"node.key", "node.crt", "ca.crt", "admin-key"}) CHECK(mode_of(home / file) == 0600);
  const auto renewal = renewal_of(read_certificate(loaded->own.certificate).value());
  CHECK(renewal == now + std::chrono::hours{24 * 60});

  REQUIRE(write_secret_file(home / "admin-key", "damaged").has_value());
  CHECK_FALSE(load_credentials(home).has_value());
}
