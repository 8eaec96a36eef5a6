#pragma once

#include "base/digest.hpp"
#include "base/error.hpp"
#include "http/auth/certificates.hpp"
#include "http/auth/tls_session.hpp"

#include <memory>
#include <mutex>

typedef struct ssl_ctx_st SSL_CTX;

namespace troupe::auth {

/// How this program takes part in TLS: versions 1.2 and 1.3, no resumption. Any thread.
class tls_context {
 public:
  /// A node's: it shows its certificate on both sides, accepts clients without one, and no other than its own cluster's.
  /// @returns `errc::corrupt` for texts that do not fit together.
  [[nodiscard]] static result<std::unique_ptr<tls_context>> for_node(const key_pair& own, const std::string& authority);
  /// Of a node without a certificate: it can only connect, to nodes of the authority with this fingerprint.
  [[nodiscard]] static result<std::unique_ptr<tls_context>> for_joining(const digest& authority);

  /// What begins from now on has this certificate. Only for a node's.
  [[nodiscard]] result<void> replace(const key_pair& own, const std::string& authority);

  /// The session of the side that has accepted the connection. @returns null when memory is short.
  [[nodiscard]] std::unique_ptr<tls_session> accept(int socket) const;
  /// Of the side that connects. Whom it talks to is proven by the handshake: a node of the cluster, `tls_session::peer` says
  /// which.
  [[nodiscard]] std::unique_ptr<tls_session> connect(int socket) const;

 private:
  tls_context() = default;
  std::shared_ptr<SSL_CTX> context() const;
  std::unique_ptr<tls_session> begin(int socket, bool is_server) const;

  mutable std::mutex mutex_;
  std::shared_ptr<SSL_CTX> context_;
  std::shared_ptr<const digest> pinned_;
};

}  // namespace troupe::auth
