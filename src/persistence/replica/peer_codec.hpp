#pragma once

#include "base/error.hpp"
#include "persistence/replica/peer_message.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

// Messages between replicas as bytes (proto/peer.proto) and back.
namespace troupe::replica {

/// One frame of a link. Entries of an append stand side by side in the log, as the core makes them.
[[nodiscard]] std::string encode_frame(std::span<const peer_message> messages);

/// @returns `errc::bad_request` with the place and the reason for anything that no replica sends: what is decoded may be untrue,
/// but it has the shape that the core expects.
[[nodiscard]] result<std::vector<peer_message>> decode_frame(std::string_view frame);

}  // namespace troupe::replica
