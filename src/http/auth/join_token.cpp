#include "http/auth/join_token.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <vector>

namespace troupe::auth {
namespace {

constexpr std::string_view version = "troupe1";
constexpr std::size_t id_digits = 16, secret_digits = 64;

bool is_hex(std::string_view text, std::size_t digits) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return text.size() == digits && std::ranges::all_of(text, is_digit);
}

/// Cuts the text off up to the next dot.
std::string_view next_part(std::string_view& text) {
  const auto dot = std::min(text.find('.'), text.size());
  const auto part = text.substr(0, dot);
  text.remove_prefix(std::min(dot + 1, text.size()));
  return part;
}

}  // namespace

std::string to_text(const join_token& token) {
  return fmt::format("{}.{}.{}.{}", version, token.authority.hex(), token.id, token.secret);
}

result<join_token> read_join_token(std::string_view text) {
  const auto first = next_part(text);
  const auto authority = digest::from_hex(next_part(text));
  join_token out;
  out.id = next_part(text);
  out.secret = text;
  if (first != version || !authority || !is_token_id(out.id) || !is_hex(out.secret, secret_digits)) {
    return error{errc::bad_request, "this is no join token; `troupe cluster token` makes one: troupe1.AUTHORITY.ID.SECRET"};
  }
  out.authority = *authority;
  return out;
}

bool is_token_id(std::string_view text) { return is_hex(text, id_digits); }

std::string random_hex(std::size_t bytes) {
  std::vector<unsigned char> raw(bytes);
  const bool is_random = RAND_bytes(raw.data(), static_cast<int>(raw.size())) == 1;
  TROUPE_ASSERT(is_random, "a secret that can be guessed is worse than none");
  std::string out;
  for (const auto each : raw) out += fmt::format("{:02x}", each);
  return out;
}

std::string make_api_key() { return "troupe_" + random_hex(32); }

bool is_same_secret(const digest& a, const digest& b) {
  return CRYPTO_memcmp(a.raw().data(), b.raw().data(), a.raw().size()) == 0;
}

}  // namespace troupe::auth
