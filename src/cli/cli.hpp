#pragma once

#include "cli/local_commands.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace troupe::cli {

/// The whole program: parses the arguments (without the program's own name), does what they say, tells what went wrong.
/// @param program  the path of this executable; what is installed beside it is found through it.
/// @param local    what the commands do that need more than a node's API
/// @returns the exit status, an `exit_code`.
[[nodiscard]] int run(const std::vector<std::string>& arguments, const std::filesystem::path& program,
                      const local_commands& local);

}  // namespace troupe::cli
