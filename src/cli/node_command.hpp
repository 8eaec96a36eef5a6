#pragma once

#include "cli/config.hpp"

namespace troupe::cli {

/// Composes a node from all rooms and runs it until it is told to stop (SIGINT, SIGTERM).
/// @param config  complete and checked.
/// @returns the exit status of the program.
[[nodiscard]] int run_node(const node_config& config);

}  // namespace troupe::cli
