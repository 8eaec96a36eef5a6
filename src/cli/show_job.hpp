#pragma once

#include "cli/json_text.hpp"

#include <string>
#include <utility>
#include <vector>

namespace troupe::cli {

/// A result's artifacts: name (with an index for lists) and hash.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> artifacts_of(const json::object& result);
/// The lines that tell a person how a job stands or ended. `url` makes artifacts into links.
[[nodiscard]] std::vector<std::string> job_lines(const json::object& job, const std::string& url);
/// The lines of a result alone: what a finished `submit --follow` prints.
[[nodiscard]] std::vector<std::string> result_lines(const json::object& job, const std::string& url);
/// A table row of `troupe jobs`, and its head.
[[nodiscard]] std::string job_row(const json::object& job);
[[nodiscard]] std::string job_row_head();

}  // namespace troupe::cli
