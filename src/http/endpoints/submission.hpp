#pragma once

#include "http/exchange.hpp"
#include "http/json/submission.hpp"

namespace troupe::http::endpoints {

/// Whose requests these are: until there are keys, everyone who can reach a node is the same tenant.
inline constexpr std::string_view only_tenant = "default";

/// Why this node takes no job at all: it is stopping, or its disk is full. Nothing: it takes some.
[[nodiscard]] std::optional<error> why_closed(const application& app);
/// Checks a submission against its pipeline. Whether its artifacts are there is not looked at.
[[nodiscard]] awaitable<result<actors::submit_job>> command_of(exchange& x, json::submission what,
                                                               std::optional<std::string> key);
/// What a job is to read.
[[nodiscard]] std::vector<digest> artifacts_of(const actors::submit_job& command);
/// Touches artifacts; what is missing here or was here for long is touched at other nodes, too. The jobs that name them are to be
/// asked for at once.
/// @returns those that no node has
[[nodiscard]] awaitable<result<std::vector<digest>>> hold_artifacts(exchange& x, std::vector<digest> named);
/// Counts what became of a job, if it was not taken as ever.
void count_degraded(application& app, model::job_class of, const actors::submit_reply& reply);
/// Why a job that names it is refused.
[[nodiscard]] error no_artifact(const digest& hash);
/// Checks a submission against its pipeline and hands it to the jobs' actor. @returns the answer for the client.
[[nodiscard]] awaitable<response> submit(exchange& x, json::submission what);
/// Reads and submits a form (multipart/form-data): each file becomes an artifact while it arrives.
[[nodiscard]] awaitable<response> submit_form(exchange& x);

/// The ETag of a job as of a revision.
[[nodiscard]] std::string etag_of(std::uint64_t revision);
/// Whether an If-None-Match header names this tag. Weak comparison, as RFC 9110 13.1.2 says.
[[nodiscard]] bool names_etag(std::string_view if_none_match, std::string_view etag);

}  // namespace troupe::http::endpoints
