#pragma once

#include "cli/local_commands.hpp"

namespace troupe::cli {

/// Fetches the state, and the artifacts that its jobs name, from any node of a running cluster.
[[nodiscard]] outcome<exit_code> run_backup(const global_options& global, const backup_command& command);
[[nodiscard]] outcome<exit_code> run_verify_backup(const global_options& global, const std::string& directory);
/// A backup and an empty data directory become a new cluster of one node.
[[nodiscard]] outcome<exit_code> run_restore(const global_options& global, const std::string& directory, const std::string& data);

}  // namespace troupe::cli
