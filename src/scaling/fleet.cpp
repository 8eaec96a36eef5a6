#include "scaling/fleet.hpp"

#include "base/plant.hpp"

#include <tuple>

namespace troupe::scaling {
namespace {

int rank_of(machine_state s) noexcept {
  switch (s) {
    case machine_state::drained: return 0;
    case machine_state::asked: return 1;
    case machine_state::booting: return 2;
    case machine_state::ready: return 3;
  }
  return 4;
}

/// Who sorts first goes first.
auto order_of(const machine& m) {
  return std::tuple{rank_of(m.state), m.lost_work, m.warm_models, m.use, -m.since.time_since_epoch(), m.id};
}

}  // namespace

const char* to_string(machine_state s) noexcept {
  switch (s) {
    case machine_state::asked: return "asked";
    case machine_state::booting: return "booting";
    case machine_state::ready: return "ready";
    case machine_state::drained: return "drained";
  }
  return "?";
}

double use_of(const fleet& of) {
  int slots = 0, busy = 0;
  for (const auto& each : of.machines) {
    slots += each.state == machine_state::ready ? each.slots : 0;
    busy += each.busy;
  }
  return slots == 0 ? 0 : busy * 100.0 / slots;
}

std::vector<machine_id> pick_victims(const fleet& of, int count, double use_most) {
  std::vector<const machine*> able;
  int slots = 0;
  int busy = 0;
  for (const auto& each : of.machines) {
    if (each.state == machine_state::ready) slots += each.slots;
    busy += each.busy;
    const bool is_free = each.busy == 0 || planted(plant::scaling_names_busy);
    if (is_free && !each.is_planned) able.push_back(&each);
  }
  std::ranges::sort(able, {}, [](const machine* each) { return order_of(*each); });
  std::vector<machine_id> picked;
  for (const auto* each : able) {
    if (static_cast<int>(picked.size()) >= count) break;
    const int left = slots - (each->state == machine_state::ready ? each->slots : 0);
    // One that was drained is of no use already; one that does not work yet is soon needed, if those that do are too busy.
    const bool is_needed = each->state != machine_state::drained && busy * 100.0 > use_most * left;
    if (is_needed && !planted(plant::scaling_forgets_use)) break;
    slots = left;
    picked.push_back(each->id);
  }
  return picked;
}

}  // namespace troupe::scaling
