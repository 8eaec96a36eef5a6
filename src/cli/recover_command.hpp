#pragma once

#include "cli/local_commands.hpp"

namespace troupe::cli {

/// Says what a stopped node has of its cluster; with `is_unsafe` makes a cluster of its own of it, after a question.
[[nodiscard]] outcome<exit_code> run_recover(const global_options& global, const recover_command& command);

}  // namespace troupe::cli
