#pragma once

#include "cli/commands.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

// Scaling policies without a node: checked, tried out in virtual time, replayed; and what a running cluster decides.
namespace troupe::cli {

struct scale_command {
  std::string policy = "default";  ///< a file, or the name of a shipped one
  std::string trace;               ///< a file, or the name of a built-in one
  std::string compare;             ///< "", a policy, or "hpa-50" for Kubernetes' autoscaler at 50 %
  std::string environment = "production";
  std::string boot = "2min";
  int slots = 1;
  double price = 1;
  std::uint64_t seed = 1;
  std::string svg, log;  ///< files to write, or ""
};

[[nodiscard]] outcome<exit_code> run_scale_check(const global_options& global, const std::vector<std::string>& files);
/// Prints a table of waits, cost and steps.
/// @param program  the path of this executable; shipped policies are found through it
[[nodiscard]] outcome<exit_code> run_scale_simulate(const global_options& global, const scale_command& given,
                                                    const std::filesystem::path& program);
[[nodiscard]] outcome<exit_code> run_scale_trace(const std::string& name);
/// @returns `exit_code::usage` if a decision differs.
[[nodiscard]] outcome<exit_code> run_scale_replay(const global_options& global, const std::string& log);

/// Of a running cluster: what is decided and why, the machines, the last decisions.
[[nodiscard]] outcome<exit_code> run_scale_status(const global_options& global);
/// So many nodes for so long, whatever the policy says.
[[nodiscard]] outcome<exit_code> run_scale_hold(const global_options& global, int nodes, const std::string& time);
/// Prints the load of the last `time` as a trace, from the jobs that the cluster still has: rows of `step`, a job each a task.
[[nodiscard]] outcome<exit_code> run_scale_record(const global_options& global, const std::string& time, const std::string& step);
/// The policy decides again.
[[nodiscard]] outcome<exit_code> run_scale_release(const global_options& global);

}  // namespace troupe::cli
