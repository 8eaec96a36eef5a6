#pragma once

#include "cli/failure.hpp"
#include "scaling/policy.hpp"

#include <filesystem>
#include <string>

namespace troupe::cli {

struct policy_file {
  std::string name, text;
  scaling::policy_set read;
};

/// @param name     a file, or the name of a shipped policy
/// @param program  the path of this executable; what is installed beside it is found through it
[[nodiscard]] outcome<policy_file> load_policy(const std::string& name, const std::filesystem::path& program);

}  // namespace troupe::cli
