#pragma once

#include "base/units.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace troupe::cli {

/// Which nodes count as places for artifacts: all that are known, but for those that have been silent for longer than a restart
/// takes. One thread.
class living_nodes {
 public:
  using time = std::chrono::steady_clock::time_point;
  struct sighting {
    std::string address;
    bool is_linked = false;  ///< a link with it is open
  };

  /// @param lost_after  a node that does not answer for so long is taken for lost
  /// @param answers     asks a node that has no link whether it is there; called at most every quarter of `lost_after`, or 5 s
  living_nodes(duration lost_after, std::function<bool(const std::string& address)> answers);

  /// @returns the addresses of those that count, sorted, each once.
  std::vector<std::string> look(const std::vector<sighting>& known, time now);

 private:
  struct state {
    std::optional<time> silent_since;
    std::optional<time> asked;
  };

  duration lost_after_, ask_every_;
  std::function<bool(const std::string&)> answers_;
  std::map<std::string, state> nodes_;
};

}  // namespace troupe::cli
