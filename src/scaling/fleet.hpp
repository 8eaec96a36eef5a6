#pragma once

#include "base/strong_id.hpp"
#include "base/units.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

// The nodes of a pool as the cluster sees them, not as a provider claims.
namespace troupe::scaling {

using machine_id = strong_id<struct machine_id_tag>;

enum class machine_state : std::uint8_t {
  asked,    ///< the provider was asked for it
  booting,  ///< it exists, and is no member that takes tasks yet
  ready,    ///< takes tasks
  drained   ///< takes none any more, by an operator's wish
};
[[nodiscard]] const char* to_string(machine_state s) noexcept;

struct machine {
  machine_id id{};
  machine_state state{};
  timestamp since{};  ///< in this state
  int slots = 1, busy = 0;
  duration lost_work{};  ///< what would have to be computed again without what only this node keeps
  int warm_models = 0;
  int use = 0;              ///< percent, of late
  bool is_planned = false;  ///< a task that has no slot yet is meant for it
  friend bool operator==(const machine&, const machine&) = default;
};

struct fleet {
  int desired = 0;  ///< what was decided last; refused or slow nodes are missing from `machines`
  std::vector<machine> machines;

  [[nodiscard]] int count(machine_state s) const noexcept {
    return static_cast<int>(std::ranges::count(machines, s, &machine::state));
  }
};

/// Percent of the slots of ready nodes that are busy; without slots 0.
[[nodiscard]] double use_of(const fleet& of);

/// Which machines may go, at most `count`, the first one first. Never one that is busy or planned for. Drained ones come first,
/// then those that do not work yet, the youngest first, then those that work: the least lost work, the fewest warm models, the
/// least used.
/// @param use_most  percent of the slots of ready machines that may be busy afterwards; who would break that stays
[[nodiscard]] std::vector<machine_id> pick_victims(const fleet& of, int count, double use_most);

}  // namespace troupe::scaling
