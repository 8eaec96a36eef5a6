#pragma once

#include "scaling/decide.hpp"
#include "scaling/trace.hpp"

#include <functional>
#include <string>
#include <vector>

// A pool in virtual time: tasks of a trace, nodes that boot and cost, and whoever decides. Production's own machine decides here,
// or something that it is compared with.
namespace troupe::scaling {

struct world_options {
  duration boots_for = 2min;  ///< from asking for a node until it takes tasks
  int slots_per_node = 1;
  double price_per_node_hour = 1;
  int first_nodes = 2;
  duration step = 15s;                            ///< between decisions
  timestamp begins{from_unix_ms(1767571200000)};  ///< 2026-01-05 00:00 UTC, a Monday
  std::uint64_t seed = 1;  ///< of when in its row a task comes, and how long it takes: half to one and a half of the row's time
};

/// As many nodes as serve what comes in the first five minutes at 70 % of their slots, so that no comparison begins cold.
[[nodiscard]] int nodes_at_first(const trace& load, int slots_per_node) noexcept;

/// Decides, and is told everything. `scaler` and `hpa` are such.
using pilot = std::function<decision(const observation&)>;
/// Sees each step, for logs.
using witness = std::function<void(const observation&, const decision&)>;

/// The pool at one step.
struct moment {
  double hours = 0;            ///< since the trace began
  std::uint32_t arrivals = 0;  ///< since the step before
  std::uint32_t waiting = 0;
  int busy = 0, desired = 0, ready = 0;
  double wait_seconds = 0;  ///< 95th percentile of the last five minutes
  double cost = 0;          ///< so far
};

struct simulated {
  std::uint64_t tasks = 0;
  double wait_mean = 0, wait_p50 = 0, wait_p95 = 0, wait_p99 = 0, wait_most = 0;  ///< seconds from coming to being started
  double node_hours = 0, cost = 0;                                                ///< a node costs from when it was asked for
  double use = 0;                                                                 ///< percent of the slot time that was paid
  int steps_out = 0, steps_in = 0, reversals = 0, nodes_most = 0;
  std::uint64_t busy_ended = 0;  ///< nodes that were ended with tasks on them; must be 0
  std::uint64_t decisions = 0;
  std::vector<moment> moments;

  /// What is compared: cost times wait. A wait of less than a second counts as one, for nobody notices the difference.
  [[nodiscard]] double score() const noexcept;
};

/// Runs the trace to its end, and then until every task is done, at most for another day.
[[nodiscard]] simulated simulate(const trace& load, const world_options& options, const pilot& decides, const witness& sees = {});

}  // namespace troupe::scaling
