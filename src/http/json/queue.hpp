#pragma once

#include "actors/messages.hpp"

#include <string>
#include <string_view>

namespace troupe::http::json {

/// @param is_after_change  whether it answers a command, and so says whether that changed anything
void write_queue(std::string& out, const actors::queue_view& queue, bool is_after_change);

/// Reads the body of a pause: empty, or {"pipeline": "...", "reason": "at most 200 bytes"}, both of which may be left out;
/// without a pipeline it is of everything.
/// @returns `errc::bad_request` saying what is wrong
[[nodiscard]] result<actors::change_queue> read_pause(std::string_view text);
/// The same for the end of a pause, which has no reason.
[[nodiscard]] result<actors::change_queue> read_resume(std::string_view text);

}  // namespace troupe::http::json
