#include "http/auth/sign_in.hpp"

#include "base/error.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace troupe::auth {
namespace {

std::int64_t seconds(std::chrono::system_clock::time_point at) {
  return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
}

std::string signed_text(const digest& admin_key, std::int64_t until) {
  const auto said = fmt::format("troupe sign-in until {}", until);
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned size = 0;
  const auto* const made = HMAC(EVP_sha256(), admin_key.raw().data(), static_cast<int>(admin_key.raw().size()),
                                reinterpret_cast<const unsigned char*>(said.data()), said.size(), mac.data(), &size);
  TROUPE_ASSERT(made != nullptr, "a secret that can be guessed is worse than none");
  auto out = fmt::format("{}.", until);
  for (unsigned i = 0; i < size; ++i) out += fmt::format("{:02x}", mac[i]);
  return out;
}

}  // namespace

std::string sign_in_cookie(const digest& admin_key) { return "__Host-troupe-" + sha256_of(admin_key.hex()).hex().substr(0, 8); }

std::string make_sign_in(const digest& admin_key, std::chrono::system_clock::time_point until) {
  return signed_text(admin_key, seconds(until));
}

bool is_sign_in(std::string_view text, const digest& admin_key, std::chrono::system_clock::time_point now) {
  std::int64_t until = 0;
  const auto end = text.find('.');
  if (end == std::string_view::npos) return false;
  const auto [stopped, failed] = std::from_chars(text.data(), text.data() + end, until);
  if (failed != std::errc{} || stopped != text.data() + end || until <= seconds(now)) return false;
  const auto wanted = signed_text(admin_key, until);
  return text.size() == wanted.size() && CRYPTO_memcmp(text.data(), wanted.data(), wanted.size()) == 0;
}

}  // namespace troupe::auth
