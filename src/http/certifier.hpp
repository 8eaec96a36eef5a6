#pragma once

#include "http/auth/node_credentials.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace troupe::http {

inline constexpr std::string_view join_path = "/v1/peers/join";

/// What a node asks a member: to sign its key.
struct certificate_request {
  std::string request;                 ///< PEM
  std::string token_id, token_secret;  ///< of a join token; empty: the node has shown the certificate that it has
};

/// Whoever can sign for this cluster. Any thread that may block on the disk.
class certifier {
 public:
  virtual ~certifier() = default;
  /// @param proven  the node that the client's certificate names
  /// @returns `errc::bad_request` for a wrong request, `errc::conflict` for a token that is refused
  [[nodiscard]] virtual result<auth::granted> certify(const certificate_request& asked,
                                                      std::optional<model::node_id> proven) const = 0;
};

}  // namespace troupe::http
