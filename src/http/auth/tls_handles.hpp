#pragma once

#include "base/digest.hpp"
#include "http/auth/openssl.hpp"
#include "http/auth/tls_session.hpp"

namespace troupe::auth {

/// What a session is made of.
struct tls_session::handles {
  std::shared_ptr<const digest> pinned;  ///< read in the handshake, so it must outlive `ssl`
  detail::session ssl;
  std::string why;
  bool has_failed = false;
};

namespace detail {

/// Moves the bytes of TLS through a socket; like OpenSSL's own, but without SIGPIPE. @returns null when memory is short.
[[nodiscard]] bio socket_bio(int socket);

}  // namespace detail
}  // namespace troupe::auth
