#pragma once

#include "base/digest.hpp"

#include <chrono>
#include <string>
#include <string_view>

// What a browser shows in place of the API key, which a page cannot send with every request. Nothing is stored: every node of the
// cluster can tell whether it is true.
namespace troupe::auth {

inline constexpr std::chrono::hours sign_in_lasts{12};

/// Of the cookie that holds it. Browsers send a host's cookies to all its ports, so each cluster has a name of its own.
/// @param admin_key  SHA-256 of the API key
[[nodiscard]] std::string sign_in_cookie(const digest& admin_key);

/// "UNIX_SECONDS.HMAC": true until then, or until the cluster has another API key.
/// @param admin_key  SHA-256 of the API key
[[nodiscard]] std::string make_sign_in(const digest& admin_key, std::chrono::system_clock::time_point until);
[[nodiscard]] bool is_sign_in(std::string_view text, const digest& admin_key, std::chrono::system_clock::time_point now);

}  // namespace troupe::auth
