#include "http/auth/tls_context.hpp"

#include "http/auth/names.hpp"
#include "http/auth/openssl.hpp"
#include "http/auth/tls_handles.hpp"

#include <fmt/format.h>

namespace troupe::auth {
namespace {

using namespace detail;

std::shared_ptr<SSL_CTX> blank_context() {
  std::shared_ptr<SSL_CTX> out{SSL_CTX_new(TLS_method()), SSL_CTX_free};
  if (!out) return out;
  SSL_CTX_set_min_proto_version(out.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(out.get(),
                      SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_num_tickets(out.get(), 0);
  SSL_CTX_set_session_cache_mode(out.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(out.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_verify(out.get(), SSL_VERIFY_PEER, nullptr);  // a server asks, and does without
  return out;
}

result<std::shared_ptr<SSL_CTX>> node_context(const key_pair& own, const std::string& authority) {
  const auto wrong = [] {
    return error{errc::corrupt, fmt::format("the node's certificate cannot be used: {}", last_failure())};
  };
  const auto key = parse_key(own.key);
  const auto certificate = parse_certificate(own.certificate);
  const auto issuer = parse_certificate(authority);
  if (!key || !certificate || !issuer)
    return error{errc::corrupt, "the node's key, its certificate or the cluster's certificate cannot be read"};
  auto out = blank_context();
  if (!out || SSL_CTX_use_certificate(out.get(), certificate.get()) != 1 || SSL_CTX_use_PrivateKey(out.get(), key.get()) != 1
      || SSL_CTX_check_private_key(out.get()) != 1) {
    return wrong();
  }
  // Who joins knows the authority's fingerprint alone, so it is sent along.
  if (SSL_CTX_add1_chain_cert(out.get(), issuer.get()) != 1) return wrong();
  if (X509_STORE_add_cert(SSL_CTX_get_cert_store(out.get()), issuer.get()) != 1) return wrong();
  if (SSL_CTX_add_client_CA(out.get(), issuer.get()) != 1) return wrong();
  return out;
}

/// Trusts the one certificate of the chain that has the wanted fingerprint. Called by OpenSSL in the handshake.
int verify_pinned(X509_STORE_CTX* check, void* wanted) {
  auto* const sent = X509_STORE_CTX_get0_untrusted(check);
  for (int i = 0; i < sk_X509_num(sent); ++i) {
    auto* const each = sk_X509_value(sent, i);
    if (fingerprint_of(*each) != *static_cast<const digest*>(wanted)) continue;
    auto* const roots = sk_X509_new_null();
    sk_X509_push(roots, each);
    X509_STORE_CTX_set0_trusted_stack(check, roots);
    const int is_good = X509_verify_cert(check);
    sk_X509_free(roots);
    return is_good;
  }
  X509_STORE_CTX_set_error(check, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT);
  return 0;
}

}  // namespace

result<std::unique_ptr<tls_context>> tls_context::for_node(const key_pair& own, const std::string& authority) {
  TROUPE_TRY(auto made, node_context(own, authority));
  std::unique_ptr<tls_context> out{new tls_context};
  out->context_ = std::move(made);
  return out;
}

result<std::unique_ptr<tls_context>> tls_context::for_joining(const digest& authority) {
  auto made = blank_context();
  if (!made) return error{errc::internal, fmt::format("TLS cannot be had: {}", last_failure())};
  std::unique_ptr<tls_context> out{new tls_context};
  out->pinned_ = std::make_shared<const digest>(authority);
  SSL_CTX_set_cert_verify_callback(made.get(), verify_pinned, const_cast<digest*>(out->pinned_.get()));
  out->context_ = std::move(made);
  return out;
}

result<void> tls_context::replace(const key_pair& own, const std::string& authority) {
  TROUPE_TRY(auto made, node_context(own, authority));
  const std::lock_guard lock{mutex_};
  context_ = std::move(made);
  return {};
}

std::shared_ptr<SSL_CTX> tls_context::context() const {
  const std::lock_guard lock{mutex_};
  return context_;
}

std::unique_ptr<tls_session> tls_context::begin(int socket, bool is_server) const {
  auto made = std::make_unique<tls_session::handles>();
  made->pinned = pinned_;
  made->ssl.reset(SSL_new(context().get()));
  auto wire = socket_bio(socket);
  if (!made->ssl || !wire) return nullptr;
  auto* const both_ways = wire.release();
  SSL_set_bio(made->ssl.get(), both_ways, both_ways);
  if (is_server) {
    SSL_set_accept_state(made->ssl.get());
  } else {
    SSL_set_connect_state(made->ssl.get());
  }
  return std::make_unique<tls_session>(std::move(made));
}

std::unique_ptr<tls_session> tls_context::accept(int socket) const { return begin(socket, true); }
std::unique_ptr<tls_session> tls_context::connect(int socket) const { return begin(socket, false); }

}  // namespace troupe::auth
