#pragma once

#include "base/error.hpp"
#include "base/units.hpp"

#include <boost/json/object.hpp>

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

// What the owner of a pool hands to who owns it next, so that cool-downs, the rate, the guard against runaways and an operator's
// hold are the pool's, whoever owns it.
namespace troupe::scaling {

/// Of a pool, by whichever owner. Only what still counts.
struct steps_taken {
  std::optional<timestamp> last_out, last_in;
  std::deque<timestamp> actions;                ///< of the last hour
  std::deque<std::pair<timestamp, int>> moved;  ///< nodes, of the last minute
  std::optional<timestamp> paused_since;        ///< by the guard
  friend bool operator==(const steps_taken&, const steps_taken&) = default;
};

/// An operator's number of nodes, which goes before the policy's.
struct hold {
  int nodes = 0;
  timestamp until{};
  friend bool operator==(const hold&, const hold&) = default;
};

struct handover {
  steps_taken steps{};
  std::optional<int> desired{};  ///< nodes; nothing: as many as there are
  std::optional<hold> held{};
  friend bool operator==(const handover&, const handover&) = default;
};

[[nodiscard]] boost::json::object to_json(const steps_taken& steps);
/// Throws what Boost.JSON throws, if it is none.
[[nodiscard]] steps_taken steps_from(const boost::json::object& json);

[[nodiscard]] std::string to_text(const handover& what);
/// Of an empty text: nothing was taken and nothing is held. @returns `errc::corrupt` for what is none
[[nodiscard]] result<handover> handover_from(std::string_view text);

}  // namespace troupe::scaling
