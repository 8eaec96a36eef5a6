#pragma once

#include "base/error.hpp"
#include "base/units.hpp"
#include "model/degradation.hpp"
#include "scaling/cron.hpp"
#include "scaling/metric.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// How the nodes of one pool follow the load, as an operator writes it: `config/policies/*.yaml`, one file a pool.
namespace troupe::scaling {

/// By how much: a number of nodes, or a percentage of those that there are. Negative: fewer.
struct adjustment {
  int amount = 0;
  bool is_percent = false;
  friend bool operator==(const adjustment&, const adjustment&) = default;
};
/// In nodes. A percentage is rounded away from zero, so it is at least one node.
[[nodiscard]] int nodes_of(adjustment by, int present) noexcept;
/// "+2", "-10%".
[[nodiscard]] std::string to_string(adjustment by);

/// How long a metric must say the same before it counts: in at least `points` of the last `of` periods. A rule with levels or a
/// target needs that to go out; to go in it looks at the newest period, and the stabilisation window says how long it must last.
struct patience {
  duration period = 60s;
  int points = 1;
  int of = 1;
};

/// The load has levels, each with its count of nodes. Up to and with `up_to`; the last level has no end.
struct desired_steps {
  struct level {
    double up_to = 0;  ///< infinite in the last one
    int nodes = 0;
  };
  metric looks_at;
  patience lasts;
  std::vector<level> levels;
};

/// The load has levels, each with a change. From above `from` (the first: and with it) up to and with the next one's.
struct step_adjustments {
  struct level {
    double from = 0;
    adjustment by;
  };
  metric looks_at;
  patience lasts;
  std::vector<level> levels;
};

/// As many nodes as bring the metric to its target.
struct target_tracking {
  metric looks_at;
  patience lasts;
  double target = 0;
  double above_tolerated = 0, below_tolerated = 0;  ///< percent of the target within which nothing happens
  bool is_total = false;                            ///< the metric is a sum that the nodes share; else it is an average over them
  bool is_per_slot = false;                         ///< the target of a sum is that of a slot; else that of a node
};

/// A threshold that was passed for a while changes the count by a step.
struct alarm {
  struct side {
    double threshold = 0;
    patience lasts;
    adjustment by;
    std::optional<std::pair<metric, double>> only_if;  ///< this one is above that, too
  };
  metric looks_at;
  std::optional<side> out, in;  ///< out: above; in: below
};

struct rule {
  std::string name;
  std::variant<desired_steps, step_adjustments, target_tracking, alarm> how;
};
[[nodiscard]] const metric& metric_of(const rule& r) noexcept;

/// From its time on other bounds hold, until another schedule is due.
struct schedule {
  std::string name;
  cron_line when;
  std::string zone_name;
  cctz::time_zone zone;
  std::optional<int> min, max;  ///< none: the pool's own
};

/// How an environment follows its rules.
enum class eagerness : std::uint8_t {
  moderate,      ///< as the rules say
  conservative,  ///< goes out by half of what they say, rounded up
  off            ///< never changes anything
};
[[nodiscard]] const char* to_string(eagerness e) noexcept;

struct pool_limits {
  int min = 1, max = 10;
  std::optional<int> changes_per_minute;  ///< nodes that come or go in a minute
  std::optional<int> actions_per_hour;    ///< more: a runaway; scaling pauses and somebody is told
  duration pause = 1h;                    ///< that long, or until an operator resumes it
  int gpus_per_node = 1;
  std::optional<int> gpu_quota;  ///< of the whole pool, hard
  double price_per_node_hour = 0;
  std::optional<double> cost_per_hour_most;  ///< of the whole pool
  double use_after_in_most = 80;             ///< percent of the slots that may be busy once a node has gone; 100: no such guard
  duration warn_at_limit_after = 15min;
};

/// When jobs of a class are treated worse, by how long a new one would wait. Between the two nothing changes.
struct degrade_rule {
  model::measure how{};
  duration above{}, below{};
};

/// What happens to jobs while more nodes are wanted than may be; without rules, nothing.
struct degrade_policy {
  std::vector<degrade_rule> rules;  ///< from the mildest to the hardest, each with a longer wait
  duration after = 30s;             ///< a wait must be above for so long before each step up
  duration hold = 2min;             ///< a level lasts so long at least, and its end must have been due for so long
};

/// All policies of one pool.
struct policy_set {
  std::string pool, about;
  pool_limits bounds;
  duration cooldown_out{}, cooldown_in{};    ///< since the last step out; since the last step in either direction
  duration stabilise_out{}, stabilise_in{};  ///< the least, the most wanted in this time counts
  duration warm_up{};                        ///< a node that became ready this short ago is not in the averages yet
  duration stale_after = 3min;               ///< a metric without a sample for so long is missing
  std::vector<std::pair<std::string, eagerness>> environments;  ///< those not named are moderate
  std::vector<rule> rules;
  std::vector<schedule> schedules;
  degrade_policy degrade;

  [[nodiscard]] eagerness in_environment(std::string_view name) const noexcept;
};

/// Reads a policy file. The error says "file:line:column: what; hint".
[[nodiscard]] result<policy_set> parse_policy(std::string_view text, std::string_view file);

}  // namespace troupe::scaling
