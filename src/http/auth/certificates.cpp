#include "http/auth/certificates.hpp"

#include "http/auth/names.hpp"
#include "http/auth/openssl.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace troupe::auth {

using namespace detail;

namespace {

constexpr long version_3 = 2;  // as it stands in a certificate
constexpr std::size_t host_most = 253;

std::time_t seconds_of(timestamp at) { return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count(); }

result<timestamp> time_of(const ASN1_TIME* at) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(at, &parts) != 1) return error{errc::corrupt, "a certificate with a time that is none"};
  return timestamp{std::chrono::seconds{::timegm(&parts)}};
}

bool is_ip(const std::string& name) {
  std::array<unsigned char, 16> raw{};
  return ::inet_pton(AF_INET, name.c_str(), raw.data()) == 1 || ::inet_pton(AF_INET6, name.c_str(), raw.data()) == 1;
}

/// The subjectAltName of a node, in OpenSSL's notation. Names cannot break out of it: `is_certificate_name`.
std::string alternative_names(model::node_id node, const std::vector<std::string>& names) {
  std::string out = "URI:" + node_uri(node);
  for (const auto& name : names) out += fmt::format(",{}:{}", is_ip(name) ? "IP" : "DNS", name);
  return out;
}

bool add_extension(X509& to, X509& issuer, int kind, const std::string& value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, &issuer, &to, nullptr, nullptr, 0);
  const extension made{X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str())};
  return made && X509_add_ext(&to, made.get(), -1) == 1;
}

certificate blank(EVP_PKEY* key, const std::string& common_name, const validity& holds) {
  certificate out{X509_new()};
  std::array<unsigned char, 16> serial{};
  RAND_bytes(serial.data(), serial.size());
  serial[0] = (serial[0] & 0x7f) | 0x40;  // positive, and of full length (RFC 5280, 4.1.2.2)
  const owned<BIGNUM, BN_free> number{BN_bin2bn(serial.data(), serial.size(), nullptr)};
  const auto from = seconds_of(holds.now - clock_difference_most);
  const auto until = seconds_of(holds.now + holds.lasts);
  auto* const name = X509_get_subject_name(out.get());
  X509_set_version(out.get(), version_3);
  BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(out.get()));
  ASN1_TIME_set(X509_getm_notBefore(out.get()), from);
  ASN1_TIME_set(X509_getm_notAfter(out.get()), until);
  X509_set_pubkey(out.get(), key);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  return out;
}

result<digest> public_key_digest(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return error{errc::bad_request, "a public key that is none"};
  const auto hash = sha256_of({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return hash;
}

std::string_view text_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)), static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::optional<std::string> ip_text(const ASN1_STRING* raw) {
  const auto data = text_of(raw);
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (data.size() != 4 && data.size() != 16) return std::nullopt;
  ::inet_ntop(data.size() == 4 ? AF_INET : AF_INET6, data.data(), out.data(), out.size());
  return out.data();
}

/// Takes one alternative name into `out`. @returns false for one that may not be there.
bool take_name(const GENERAL_NAME* name, signing_request& out) {
  if (name->type == GEN_URI) {
    const auto node = node_of_uri(text_of(name->d.uniformResourceIdentifier));
    const bool is_first = out.node.raw() == 0;
    out.node = node;
    return is_first && node.raw() != 0;
  }
  std::optional<std::string> text;
  if (name->type == GEN_DNS) text = std::string{text_of(name->d.dNSName)};
  if (name->type == GEN_IPADD) text = ip_text(name->d.iPAddress);
  if (!text || !is_certificate_name(*text) || out.names.size() == names_most) return false;
  out.names.push_back(std::move(*text));
  return true;
}

error no_request(std::string_view why) {
  return {errc::bad_request, fmt::format("this is no signing request of a node: {}", why)};
}

}  // namespace

std::string make_key() {
  const private_key key{EVP_EC_gen("P-256")};
  return pem_of(*key);
}

bool is_certificate_name(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  };
  if (name.empty() || name.size() > host_most) return false;
  return std::ranges::all_of(name, fits) || is_ip(std::string{name});
}

key_pair make_authority(const validity& holds) {
  const auto key_text = make_key();
  const auto key = parse_key(key_text);
  const auto made = blank(key.get(), "Troupe cluster", holds);
  X509_set_issuer_name(made.get(), X509_get_subject_name(made.get()));
  const bool is_whole = add_extension(*made, *made, NID_basic_constraints, "critical,CA:TRUE,pathlen:0")
                        && add_extension(*made, *made, NID_key_usage, "critical,keyCertSign,cRLSign")
                        && add_extension(*made, *made, NID_subject_key_identifier, "hash")
                        && X509_sign(made.get(), key.get(), EVP_sha256()) != 0;
  TROUPE_ASSERT(is_whole, "a fresh key signs a fresh certificate");
  return {key_text, pem_of(*made)};
}

result<std::string> make_signing_request(std::string_view key_text, model::node_id node, const std::vector<std::string>& names) {
  const auto key = parse_key(key_text);
  if (!key) return error{errc::corrupt, "the node's private key cannot be read"};
  const request made{X509_REQ_new()};
  const extension alternatives{
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternative_names(node, names).c_str())};
  const extensions all{sk_X509_EXTENSION_new_null()};
  if (!alternatives) return error{errc::bad_request, fmt::format("a name that no certificate can have: {}", last_failure())};
  sk_X509_EXTENSION_push(all.get(), X509_EXTENSION_dup(alternatives.get()));
  const bool is_whole = X509_REQ_set_pubkey(made.get(), key.get()) == 1 && X509_REQ_add_extensions(made.get(), all.get()) == 1
                        && X509_REQ_sign(made.get(), key.get(), EVP_sha256()) != 0;
  if (!is_whole) return error{errc::corrupt, fmt::format("the node's private key cannot sign: {}", last_failure())};
  return pem_of(*made);
}

result<signing_request> read_signing_request(std::string_view pem) {
  const auto given = parse_request(pem);
  auto* const key = given ? X509_REQ_get0_pubkey(given.get()) : nullptr;
  if (!key) return no_request("it cannot be read");
  if (X509_REQ_verify(given.get(), key) != 1) return no_request("its own key has not signed it");
  if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_bits(key) != 256) return no_request("its key is not of the curve P-256");
  const extensions asked{X509_REQ_get_extensions(given.get())};
  const general_names names{static_cast<GENERAL_NAMES*>(X509V3_get_d2i(asked.get(), NID_subject_alt_name, nullptr, nullptr))};
  signing_request out;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    if (!take_name(sk_GENERAL_NAME_value(names.get(), i), out)) return no_request("it asks for a name that no node may have");
  }
  if (out.node.raw() == 0) return no_request("it does not name the node");
  TROUPE_TRY(out.public_key, public_key_digest(key));
  return out;
}

result<std::string> sign(const key_pair& authority, std::string_view signing_request, const validity& holds) {
  TROUPE_TRY(const auto asked, read_signing_request(signing_request));
  const auto issuer = parse_certificate(authority.certificate);
  const auto issuer_key = parse_key(authority.key);
  if (!issuer || !issuer_key) return error{errc::corrupt, "the cluster's authority cannot be read"};
  const auto given = parse_request(signing_request);
  const auto made = blank(X509_REQ_get0_pubkey(given.get()), fmt::format("troupe node {:016x}", asked.node.raw()), holds);
  X509_set_issuer_name(made.get(), X509_get_subject_name(issuer.get()));
  const bool is_whole = add_extension(*made, *issuer, NID_basic_constraints, "critical,CA:FALSE")
                        && add_extension(*made, *issuer, NID_key_usage, "critical,digitalSignature")
                        && add_extension(*made, *issuer, NID_ext_key_usage, "serverAuth,clientAuth")
                        && add_extension(*made, *issuer, NID_authority_key_identifier, "keyid")
                        && add_extension(*made, *issuer, NID_subject_alt_name, alternative_names(asked.node, asked.names))
                        && X509_sign(made.get(), issuer_key.get(), EVP_sha256()) != 0;
  if (!is_whole) return error{errc::corrupt, fmt::format("the cluster's authority cannot sign: {}", last_failure())};
  return pem_of(*made);
}

result<certificate_facts> read_certificate(std::string_view pem) {
  const auto given = parse_certificate(pem);
  if (!given) return error{errc::corrupt, "this is no certificate"};
  certificate_facts out;
  TROUPE_TRY(out.from, time_of(X509_get0_notBefore(given.get())));
  TROUPE_TRY(out.until, time_of(X509_get0_notAfter(given.get())));
  out.node = node_of(*given);
  out.fingerprint = fingerprint_of(*given);
  return out;
}

result<void> check_certificate(const key_pair& own, std::string_view authority, timestamp now) {
  const auto key = parse_key(own.key);
  const auto given = parse_certificate(own.certificate);
  const auto issuer = parse_certificate(authority);
  if (!key || !given || !issuer)
    return error{errc::corrupt, "the key, the certificate or the cluster's certificate cannot be read"};
  if (X509_check_private_key(given.get(), key.get()) != 1) {
    (void)last_failure();
    return error{errc::corrupt, "the certificate is of another key"};
  }
  const store trusted{X509_STORE_new()};
  const store_context check{X509_STORE_CTX_new()};
  X509_STORE_add_cert(trusted.get(), issuer.get());
  X509_STORE_CTX_init(check.get(), trusted.get(), given.get(), nullptr);
  X509_STORE_CTX_set_time(check.get(), 0, seconds_of(now));
  if (X509_verify_cert(check.get()) == 1) return {};
  const int why = X509_STORE_CTX_get_error(check.get());
  (void)last_failure();
  return error{errc::corrupt, fmt::format("the certificate is not good: {}", X509_verify_cert_error_string(why))};
}

}  // namespace troupe::auth
