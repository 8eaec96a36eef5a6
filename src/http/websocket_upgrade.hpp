#pragma once

#include "http/exchange.hpp"

#include <optional>

namespace troupe::http {

/// @returns the answer to a request that does not begin a WebSocket as RFC 6455 wants it
[[nodiscard]] std::optional<response> refuse_no_websocket(const exchange& x);
/// What an endpoint returns that has given the connection away.
[[nodiscard]] response upgraded();

}  // namespace troupe::http
