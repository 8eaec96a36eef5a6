#pragma once

#include "http/exchange.hpp"
#include "http/json/submission.hpp"

namespace troupe::http::endpoints {

/// Whose requests these are: until there are keys, everyone who can reach a node is the same tenant.
inline constexpr std::string_view only_tenant = "default";

/// Checks a submission against its pipeline and hands it to the jobs' actor. @returns the answer for the client.
[[nodiscard]] awaitable<response> submit(exchange& x, json::submission what);
/// Reads and submits a form (multipart/form-data): each file becomes an artifact while it arrives.
[[nodiscard]] awaitable<response> submit_form(exchange& x);

/// The ETag of a job as of a revision.
[[nodiscard]] std::string etag_of(std::uint64_t revision);
/// Whether an If-None-Match header names this tag. Weak comparison, as RFC 9110 13.1.2 says.
[[nodiscard]] bool names_etag(std::string_view if_none_match, std::string_view etag);

}  // namespace troupe::http::endpoints
