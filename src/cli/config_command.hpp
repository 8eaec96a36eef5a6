#pragma once

#include "cli/commands.hpp"
#include "cli/config.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace troupe::cli {

/// What `troupe node` and `troupe config show` take from the command line; each goes before the file.
struct node_options {
  std::string config_file;
  std::string data, listen, slots, pipelines, join_token;  ///< "": not given
  std::vector<std::string> labels, seeds;
  std::vector<std::string> settings;  ///< "key=value"
};

/// Defaults, then the file, then `--set`, then the options; checked; what depends on the machine filled in.
[[nodiscard]] outcome<loaded_config> load_config(const node_options& options, const std::filesystem::path& program);

[[nodiscard]] outcome<exit_code> run_config_show(const global_options& global, const node_options& options,
                                                 const std::filesystem::path& program);
[[nodiscard]] outcome<exit_code> run_config_check(const global_options& global, const node_options& options,
                                                  const std::filesystem::path& program);

}  // namespace troupe::cli
