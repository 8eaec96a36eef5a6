#pragma once

#include "http/request.hpp"
#include "http/response.hpp"

#include <optional>
#include <span>
#include <string>

// Who may talk to a node that has no keys: programs on this machine, and pages that this node itself served.
namespace troupe::http {

/// Refuses what a foreign web page could send: a Host that is not ours (DNS rebinding), a foreign Origin, a cross-site request
/// that changes something. @returns the refusal, or nothing.
[[nodiscard]] std::optional<response> refuse_foreign(const request& in, std::span<const std::string> allowed_hosts);

/// The media type of a Content-Type, in lower case and without parameters.
[[nodiscard]] std::string media_type_of(std::string_view content_type);

/// @returns 415 unless the request has a Content-Type of JSON: the types that forms and simple requests can send are refused.
[[nodiscard]] std::optional<response> require_json(const request& in);

/// @returns why this text may not be listened on, or nothing. Only loopback addresses may: there is no authentication.
[[nodiscard]] std::optional<error> refuse_address(std::string_view address);

}  // namespace troupe::http
