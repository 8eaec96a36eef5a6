#pragma once

#include "scaling/fleet.hpp"
#include "scaling/handover.hpp"
#include "scaling/judge.hpp"
#include "scaling/metric.hpp"
#include "scaling/policy.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// The machine that decides how many nodes a pool has. It knows no clock: each step is told the time, what was measured and what
// nodes there are, and answers with a decision and its reason. The same steps give the same decisions, bit for bit.
//
//   out: the largest demand of any rule wins        in: only if every rule that has a voice agrees, and to the largest they want
//   a rule whose metric is missing, stale or no number: holds
namespace troupe::scaling {

/// Why a decision is as it is. The names are part of the interface: programs look at them.
enum class reason : std::uint8_t {
  steady,           ///< no rule wants a change
  demand,           ///< out: a rule wants more
  surplus,          ///< in: all rules would do with fewer
  below_min,        ///< out to the least that holds now
  above_max,        ///< in to the most that holds now
  metric_missing,   ///< a rule is blind, so nothing goes in
  rules_disagree,   ///< some rules would do with fewer, others not
  stabilising,      ///< not wanted for long enough yet
  cooling_down,     ///< too soon after the last step
  rate_limited,     ///< as many nodes as may came or went in this minute
  at_max,           ///< more is wanted than may be
  at_quota,         ///< ... by the quota of GPUs
  at_cost_cap,      ///< ... by the cap on cost
  at_min,           ///< fewer would do, but there must be so many
  nobody_can_go,    ///< fewer would do, but every node is busy, planned for or needed
  runaway,          ///< too many steps in an hour: paused
  environment_off,  ///< scaling is off in this environment
  old_term          ///< whoever asks no longer owns the pool; to be ignored
};
[[nodiscard]] const char* to_string(reason r) noexcept;

/// What somebody should be told.
enum class alert : std::uint8_t {
  metric_missing,  ///< a rule is blind
  runaway,         ///< scaling has paused itself
  at_max_long,     ///< more is wanted than may be, for a long time
  at_min_long,     ///< at the least, for a long time
  provider_behind  ///< nodes that were asked for have not come, for a long time
};
[[nodiscard]] const char* to_string(alert a) noexcept;

/// "would add 2 if queue_depth > 50 for 60s more".
struct counterfactual {
  std::string rule;
  condition if_so;
  std::string text;
};

struct decision {
  std::uint64_t term = 0;  ///< of the owner that decided
  timestamp at{};
  int from = 0, to = 0;  ///< desired nodes
  reason why = reason::steady;
  std::string rule{};                 ///< that decided; "" if none
  std::string text{};                 ///< for people
  std::vector<machine_id> victims{};  ///< who goes, if `to` is below `from`; as many as there are or fewer
  std::vector<alert> alerts{};
  bool is_degraded = false;                             ///< more is wanted than may be: the queue grows
  std::vector<std::pair<std::string, opinion>> said{};  ///< by each rule
  std::vector<counterfactual> otherwise{};
};

/// What is measured and seen at one moment.
struct observation {
  std::uint64_t term = 0;  ///< of the owner that asks
  timestamp now{};
  std::vector<std::pair<metric, sample>> samples;  ///< that came since the last step
  fleet machines;
  bool is_resumed = false;  ///< an operator lets a paused pool scale again
  /// The number stays as it is, for an operator holds it or nobody knows yet what there is: what is decided is a wish, which
  /// counts as no step.
  bool is_held = false;
  /// What was done before, in place of what the machine remembers: by another owner, or because its last step did not take place.
  std::optional<steps_taken> handed_over{};
};

/// What the machine remembers between steps.
struct memory {
  std::uint64_t term = 0;
  std::optional<timestamp> began;
  steps_taken steps;
  std::deque<std::pair<timestamp, int>> wanted;  ///< by the rules together, of the stabilisation window
  std::optional<timestamp> at_max_since, at_min_since, behind_since;
};

/// The bounds that hold at a time: those of the pool, of the schedule that was due last, of the quota and the cost cap.
struct bounds {
  int min = 0, max = 0;
  reason capped_by = reason::at_max;
  std::string by_schedule;  ///< ""; or which one
};
[[nodiscard]] bounds bounds_at(const policy_set& policy, timestamp now);

/// The machine of one pool.
class scaler {
 public:
  scaler(policy_set policy, std::string environment);
  [[nodiscard]] decision step(const observation& seen);
  [[nodiscard]] const policy_set& policy() const noexcept { return policy_; }
  [[nodiscard]] const memory& remembered() const noexcept { return memory_; }

 private:
  policy_set policy_;
  eagerness eagerness_;
  metric_windows windows_;
  memory memory_;
};

}  // namespace troupe::scaling
