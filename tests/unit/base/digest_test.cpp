#include "base/digest.hpp"

#include <doctest/doctest.h>

using namespace troupe;

TEST_CASE("SHA-256 of 'abc' is the value of FIPS 180-4") {
  CHECK(sha256_of("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("bytes that arrive in pieces have the digest of the whole") {
  sha256 hash;
  hash.update("a");
  hash.update("");
  hash.update("bc");
  CHECK(hash.finish() == sha256_of("abc"));
}

TEST_CASE("a digest survives the way to hexadecimal and back, and nothing else is one") {
  const auto original = sha256_of("abc");
  CHECK(digest::from_hex(original.hex()) == original);
  CHECK_FALSE(digest::from_hex(""));
  CHECK_FALSE(digest::from_hex(original.hex() + "0"));
  CHECK_FALSE(digest::from_hex("../../../../etc/passwd/../../../../etc/passwd/../../../../etc/x"));
  auto upper = original.hex();
  upper[0] = 'B';
  CHECK_FALSE(digest::from_hex(upper));
}
