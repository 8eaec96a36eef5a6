#pragma once

#include "http/exchange.hpp"
#include "model/ports/snapshots.hpp"

namespace troupe::http::endpoints {

/// Streams what is left of a snapshot as the body of a GET, chunked; for a HEAD only the head goes out. A disk that fails cuts
/// the connection, so that a beginning is never taken for the whole.
[[nodiscard]] awaitable<response> send_snapshot(exchange& x, model::ports::snapshot_stream& stream, response head);

}  // namespace troupe::http::endpoints
