#pragma once

#include "cli/config.hpp"

#include <functional>
#include <string>
#include <vector>

namespace troupe::cli::detail {

/// What the program knows of one key.
struct config_key {
  std::string name;  ///< "worker.kill_grace"
  bool list = false;
  std::string accepted;  ///< for messages: "a duration, 100ms to 5min"
  /// Takes the value, or says no; `accepted` tells why.
  std::function<bool(node_config&, const std::vector<std::string>&)> set;
  std::function<std::string(const node_config&)> text;
};

/// In the order of config/node.yaml.
[[nodiscard]] const std::vector<config_key>& config_keys();

}  // namespace troupe::cli::detail
