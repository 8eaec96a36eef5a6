#pragma once

#include "base/digest.hpp"
#include "http/request.hpp"
#include "http/response.hpp"

#include <optional>
#include <span>
#include <string>

// Who may talk to a node: the cluster's nodes with their certificates, whoever shows the API key over TLS, and programs on this
// machine together with the pages that this node itself served.
namespace troupe::http {

struct access_rules;

/// How a request came here.
struct arrival {
  bool is_local = true;  ///< from this machine
  bool has_tls = false;
  bool is_node = false;  ///< it showed the certificate of a node of this cluster
};

/// Who asks, and whether they may. For servers with TLS. A browser that was signed in is kept from what another site's page makes
/// it send.
/// @returns the refusal, or nothing
[[nodiscard]] std::optional<response> refuse_unproven(const request& in, const arrival& from, const access_rules& rules);
/// RFC 6750: 401 unless the API key is shown as a bearer token.
[[nodiscard]] std::optional<response> refuse_without_key(const request& in, const digest& wanted);
/// Whether a request is trusted for where it comes from, not for what it shows.
[[nodiscard]] bool is_trusted_by_place(const arrival& from, const access_rules& rules);

/// Refuses what a foreign web page could send: a Host that is not ours (DNS rebinding), a foreign Origin, a cross-site request
/// that changes something. @returns the refusal, or nothing.
[[nodiscard]] std::optional<response> refuse_foreign(const request& in, std::span<const std::string> allowed_hosts,
                                                     bool has_tls = false);

/// The media type of a Content-Type, in lower case and without parameters.
[[nodiscard]] std::string media_type_of(std::string_view content_type);

/// @returns 415 unless the request has a Content-Type of JSON: the types that forms and simple requests can send are refused.
[[nodiscard]] std::optional<response> require_json(const request& in);

/// @returns why this text may not be listened on, or nothing. Without TLS only loopback addresses may.
[[nodiscard]] std::optional<error> refuse_address(std::string_view address, bool has_tls);

}  // namespace troupe::http
