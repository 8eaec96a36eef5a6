#pragma once

#include "fleet/provider.hpp"

#include <filesystem>
#include <set>

namespace troupe::fleet {

struct local_options {
  std::filesystem::path program;    ///< `troupe`, absolute
  std::filesystem::path directory;  ///< a folder for each node, shared by all nodes of this machine that may decide; absolute
  std::string listen_host = "127.0.0.1";
  std::vector<std::string> labels;     ///< of the ordered nodes, besides `machine-NAME`
  std::vector<std::string> arguments;  ///< more of `troupe node`
};

/// Nodes as processes on this machine. Each has a folder, NAME, with its data, its log and its process id; the folder goes with
/// it. They outlive the process that ordered them.
class local_provider : public provider {
 public:
  explicit local_provider(local_options options) : options_(std::move(options)) {}
  [[nodiscard]] result<void> order(int count, const std::string& seed) override;
  [[nodiscard]] result<std::vector<provided>> list() override;
  /// SIGTERM; SIGKILL when it is given back again after half a minute.
  [[nodiscard]] result<void> give_back(const std::string& name) override;

 private:
  [[nodiscard]] result<void> start(const std::string& seed);
  [[nodiscard]] std::filesystem::path folder_of(const std::string& name) const { return options_.directory / name; }

  local_options options_;
  std::set<int> started_;  ///< processes of ours that have not been waited for
};

}  // namespace troupe::fleet
