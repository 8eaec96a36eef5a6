#pragma once

#include "base/digest.hpp"
#include "http/auth/openssl.hpp"
#include "model/ids.hpp"

#include <string>
#include <string_view>

// How a certificate says whose it is.
namespace troupe::auth::detail {

/// "troupe://node/0123456789abcdef", the URI among the alternative names of a node's certificate.
[[nodiscard]] std::string node_uri(model::node_id node);
/// @returns 0 for what is no such URI.
[[nodiscard]] model::node_id node_of_uri(std::string_view uri);
/// The node that a certificate is for; 0 if it names none or several. Who issued it is not looked at.
[[nodiscard]] model::node_id node_of(X509& given);
[[nodiscard]] digest fingerprint_of(const X509& given);

}  // namespace troupe::auth::detail
