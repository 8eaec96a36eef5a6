#pragma once

#include <string>
#include <vector>

namespace troupe::worker {

/// What the program does when it is started by hand, or by a node that wants to know what a model is worth: reads a file of a
/// network in a process of its own.
///   --check-model FILE [--json]
///   --bench-model FILE [--shape 1x3x224x224] [--threads N] [--json]
/// @returns the exit status: 0; 2 for a model that cannot be used, 64 for wrong arguments.
[[nodiscard]] int run_model_tool(const std::vector<std::string>& arguments);

}  // namespace troupe::worker
