#pragma once

#include "base/digest.hpp"
#include "base/error.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace troupe::auth {

/// What a node joins with that has no certificate yet: whom to believe, and a secret that the cluster knows.
/// "troupe1.AUTHORITY.ID.SECRET".
struct join_token {
  digest authority;    ///< fingerprint of the cluster's own certificate
  std::string id;      ///< 16 hexadecimal digits, no secret
  std::string secret;  ///< 64 of them
};
[[nodiscard]] std::string to_text(const join_token& token);
/// @returns `errc::bad_request` for what is no token.
[[nodiscard]] result<join_token> read_join_token(std::string_view text);
[[nodiscard]] bool is_token_id(std::string_view text);

/// Random bytes as hexadecimal digits, for secrets.
[[nodiscard]] std::string random_hex(std::size_t bytes);
/// A new API key. It is random and long, so its SHA-256 need not be slow to compute.
[[nodiscard]] std::string make_api_key();
/// Compares in a time that does not depend on where they differ.
[[nodiscard]] bool is_same_secret(const digest& a, const digest& b);

}  // namespace troupe::auth
