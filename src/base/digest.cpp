#include "base/digest.hpp"

#include "base/error.hpp"

#include <openssl/evp.h>

namespace troupe {

struct sha256::state {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

namespace {

/// Looked up once: OpenSSL 3 searches its providers each time that a digest starts with EVP_sha256().
const EVP_MD* algorithm() {
  static const std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> fetched{EVP_MD_fetch(nullptr, "SHA256", nullptr), &EVP_MD_free};
  return fetched.get();
}

}  // namespace

std::optional<digest> digest::from_hex(std::string_view text) {
  if (text.size() != 64) return std::nullopt;
  const auto nibble = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  };
  raw_bytes raw{};
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const int high = nibble(text[2 * i]);
    const int low = nibble(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    raw[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return digest{raw};
}

std::string digest::hex() const {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text(2 * raw_.size(), '\0');
  char* to = text.data();
  for (const auto byte : raw_) {
    *to++ = digits[byte >> 4];
    *to++ = digits[byte & 15];
  }
  return text;
}

sha256::sha256() : state_(std::make_unique<state>()) {
  TROUPE_ASSERT(state_->context && algorithm() && EVP_DigestInit_ex(state_->context.get(), algorithm(), nullptr) == 1,
                "OpenSSL has SHA-256");
}
sha256::~sha256() = default;
sha256::sha256(sha256&&) noexcept = default;
sha256& sha256::operator=(sha256&&) noexcept = default;

void sha256::update(std::string_view data) {
  TROUPE_ASSERT(EVP_DigestUpdate(state_->context.get(), data.data(), data.size()) == 1, "a digest in progress takes data");
}

digest sha256::finish() {
  digest::raw_bytes raw{};
  unsigned int size = 0;
  TROUPE_ASSERT(EVP_DigestFinal_ex(state_->context.get(), raw.data(), &size) == 1 && size == raw.size(), "SHA-256 has 32 bytes");
  return digest{raw};
}

digest sha256_of(std::string_view data) {
  sha256 hash;
  hash.update(data);
  return hash.finish();
}

}  // namespace troupe
