#pragma once

#include "cli/commands.hpp"
#include "cli/config.hpp"

#include <functional>
#include <string>

// Commands that work on data directories and backups, and so need rooms that the client does not see. `main` brings them.
namespace troupe::cli {

struct backup_command {
  std::string output;
  bool with_artifacts = false;
};

struct recover_command {
  std::string data;
  bool is_unsafe = false;  ///< else it only reports
  bool is_confirmed = false;
};

struct local_commands {
  /// Runs a node; @returns the program's exit status.
  std::function<int(const node_config&)> run_node;
  std::function<outcome<exit_code>(const global_options&, const backup_command&)> backup;
  std::function<outcome<exit_code>(const global_options&, const std::string& directory)> verify_backup;
  std::function<outcome<exit_code>(const global_options&, const std::string& directory, const std::string& data)> restore;
  std::function<outcome<exit_code>(const global_options&, const recover_command&)> recover;
};

}  // namespace troupe::cli
