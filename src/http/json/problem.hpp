#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::http::json {

/// Appends a problem document (RFC 9457).
void write_problem(std::string& out, int status, std::string_view code, std::string_view detail,
                   std::optional<std::chrono::milliseconds> retry_after);

}  // namespace troupe::http::json
