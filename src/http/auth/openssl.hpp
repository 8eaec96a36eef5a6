#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>

// Owners of OpenSSL's handles. Only this folder sees them.
namespace troupe::auth::detail {

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* handle) const {
    Free(handle);
  }
};
template <class T, auto Free>
using owned = std::unique_ptr<T, freed_by<Free>>;

inline void free_names(GENERAL_NAMES* names) { GENERAL_NAMES_free(names); }
inline void free_extensions(STACK_OF(X509_EXTENSION) * all) { sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free); }

using bio = owned<BIO, BIO_free_all>;
using private_key = owned<EVP_PKEY, EVP_PKEY_free>;
using certificate = owned<X509, X509_free>;
using request = owned<X509_REQ, X509_REQ_free>;
using store = owned<X509_STORE, X509_STORE_free>;
using store_context = owned<X509_STORE_CTX, X509_STORE_CTX_free>;
using extension = owned<X509_EXTENSION, X509_EXTENSION_free>;
using extensions = owned<STACK_OF(X509_EXTENSION), free_extensions>;
using general_names = owned<GENERAL_NAMES, free_names>;
using context = owned<SSL_CTX, SSL_CTX_free>;
using session = owned<SSL, SSL_free>;

/// What OpenSSL's thread-local queue says of the last failure; the queue is empty then.
[[nodiscard]] std::string last_failure();

/// Null for a text that is none.
[[nodiscard]] private_key parse_key(std::string_view pem);
[[nodiscard]] certificate parse_certificate(std::string_view pem);
[[nodiscard]] request parse_request(std::string_view pem);
[[nodiscard]] std::string pem_of(const EVP_PKEY& key);
[[nodiscard]] std::string pem_of(X509& of);
[[nodiscard]] std::string pem_of(X509_REQ& of);

}  // namespace troupe::auth::detail
