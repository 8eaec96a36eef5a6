#pragma once

#include "cli/job_progress.hpp"

#include <string>
#include <vector>

// From what is known to what is shown. Pure: the same job, width and time give the same lines.
namespace troupe::cli {

/// The picture for a terminal: a headline and a bar per stage, each at most `width` columns.
/// @param now_ms  Unix time, for "next try in".
[[nodiscard]] std::vector<std::string> render_bars(const job_progress& job, std::size_t width, std::int64_t now_ms);
/// One line for a log: what a journalled event says. Empty for types that say nothing to people.
[[nodiscard]] std::string describe(const job_event& event);
/// One line for a log: where a stage stands.
[[nodiscard]] std::string describe_progress(const stage_progress& stage);
/// Replaces control characters (an escape sequence in a worker's message must not reach the terminal) and cuts to `columns`.
[[nodiscard]] std::string fit(std::string_view text, std::size_t columns);

}  // namespace troupe::cli
