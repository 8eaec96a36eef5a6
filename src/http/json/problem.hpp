#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::http::json {

class writer;

/// A problem document (RFC 9457). The texts are the caller's.
struct problem_text {
  int status = 500;
  std::string_view code;  ///< for programs
  std::string_view detail;
  std::optional<std::chrono::milliseconds> retry_after;
};
/// Appends it to what is being written.
void write_problem(writer& json, const problem_text& what);

}  // namespace troupe::http::json
