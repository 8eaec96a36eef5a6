#pragma once

#include "cli/commands.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace troupe::cli {

struct plan_command {
  std::string prices;
  std::optional<double> jobs_per_hour, hours_per_day;
  std::vector<double> stage_seconds;
  std::optional<int> nodes;
  std::string wait_most;  ///< "" or a duration
  std::string policy;     ///< "", a file, or the name of a shipped one
};

/// Prints nodes, waits and costs. What the command does not say, the file of prices may.
[[nodiscard]] outcome<exit_code> run_plan(const global_options& global, const plan_command& given,
                                          const std::filesystem::path& program);

}  // namespace troupe::cli
