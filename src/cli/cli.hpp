#pragma once

#include "cli/config.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace troupe::cli {

/// The whole program: parses the arguments (without the program's own name), does what they say, tells what went wrong.
/// @param program  the path of this executable; what is installed beside it is found through it.
/// @param run_node  what `troupe node` does with its configuration; it returns the exit status. Without it there is no such
/// command.
/// @returns the exit status, an `exit_code`.
[[nodiscard]] int run(const std::vector<std::string>& arguments, const std::filesystem::path& program,
                      const std::function<int(const node_config&)>& run_node);

}  // namespace troupe::cli
