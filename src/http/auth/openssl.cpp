#include "http/auth/openssl.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <array>

namespace troupe::auth::detail {
namespace {

bio reader_of(std::string_view text) { return bio{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))}; }

template <class Write>
std::string written(Write write) {
  const bio out{BIO_new(BIO_s_mem())};
  if (write(out.get()) != 1) return {};
  char* data = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

/// No password is asked for: an encrypted key is none for us.
int no_password(char*, int, int, void*) { return -1; }

}  // namespace

std::string last_failure() {
  const auto code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "unknown failure of OpenSSL";
  if (const auto* reason = ERR_reason_error_string(code)) return reason;
  std::array<char, 256> text{};
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

private_key parse_key(std::string_view pem) {
  private_key out{PEM_read_bio_PrivateKey(reader_of(pem).get(), nullptr, no_password, nullptr)};
  ERR_clear_error();
  return out;
}

certificate parse_certificate(std::string_view pem) {
  certificate out{PEM_read_bio_X509(reader_of(pem).get(), nullptr, no_password, nullptr)};
  ERR_clear_error();
  return out;
}

request parse_request(std::string_view pem) {
  request out{PEM_read_bio_X509_REQ(reader_of(pem).get(), nullptr, no_password, nullptr)};
  ERR_clear_error();
  return out;
}

std::string pem_of(const EVP_PKEY& key) {
  return written([&](BIO* to) { return PEM_write_bio_PrivateKey(to, &key, nullptr, nullptr, 0, nullptr, nullptr); });
}
std::string pem_of(X509& of) {
  return written([&](BIO* to) { return PEM_write_bio_X509(to, &of); });
}
std::string pem_of(X509_REQ& of) {
  return written([&](BIO* to) { return PEM_write_bio_X509_REQ(to, &of); });
}

}  // namespace troupe::auth::detail
