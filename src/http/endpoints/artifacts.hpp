#pragma once

#include "http/exchange.hpp"

namespace troupe::http::endpoints {

class upload;

// What the endpoints for clients and those for other nodes have in common.

/// The artifact that stands in the path. @returns `errc::not_found` if that is no digest.
[[nodiscard]] result<digest> artifact_named(const exchange& x);

/// Answers GET and HEAD: the artifact in the path or a range of it, with its media type.
[[nodiscard]] awaitable<response> send_artifact(exchange& x, artifact_access from);

/// Reads the request's body into an upload. @returns `errc::too_large` above the limit, before the body is read if its length is
/// known; the errors of `exchange::read_piece` and of the store.
[[nodiscard]] awaitable<result<void>> receive(exchange& x, upload& into);

/// An answer that names a stored artifact.
[[nodiscard]] response stored_answer(int status, const model::artifact_ref& stored);

}  // namespace troupe::http::endpoints
