#pragma once

#include "base/units.hpp"
#include "cli/json_text.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe::cli {

/// A node, a group or an actor between two windows of `/v1/actors`.
struct actor_row {
  std::string path, kind, name, parent, state;
  std::uint64_t actors = 0, waiting = 0, restarts = 0;
  double handled = 0;                      ///< messages a second
  double busy = 0;                         ///< seconds a second; of a group the sum of its actors
  double mean_seconds = 0;                 ///< of a message
  double waited_seconds = 0;               ///< by a message, in the mailbox
  std::map<std::string, double> received;  ///< messages a second, by the kind of who sent them
  std::string log;                         ///< the end of what a worker's attempt has written
  json::object doing;                      ///< the attempt that runs there; empty: none
  /// Messages a second by how long they took; nothing: longer than all others. Only of an actor that is open.
  std::vector<std::pair<std::optional<double>, double>> times;
};

/// Turns what is counted since actors began into rates. Pure.
class actor_rates {
 public:
  /// @param window  a full one
  /// @param at      when it came, by a clock that never goes back
  /// @returns one row for each mark, in their order; rates are 0 for what was not in the window before, or has begun anew
  [[nodiscard]] std::vector<actor_row> next(const json::object& window, duration at);

 private:
  std::map<std::string, json::object> before_;
  duration before_at_{};
};

}  // namespace troupe::cli
