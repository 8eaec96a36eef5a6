#pragma once

#include "cli/api.hpp"

#include <optional>
#include <string>

namespace troupe::cli {

struct watch_options {
  bool draw = true;         ///< progress for people on standard error
  bool json_lines = false;  ///< each event as one JSON line on standard output
};

/// Watches a job to its end, through lost connections and restarts of the node.
/// @returns the final job object; `interrupted` leaves the job running.
[[nodiscard]] outcome<json::object> watch_job(api& node, const std::string& id, const watch_options& options);

/// The exit status that a final job object means.
[[nodiscard]] exit_code code_of(const json::object& job);

}  // namespace troupe::cli
