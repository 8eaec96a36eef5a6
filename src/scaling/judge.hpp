#pragma once

#include "scaling/fleet.hpp"
#include "scaling/policy.hpp"

#include <optional>
#include <string>
#include <vector>

// What each rule of a policy says for itself. Whether it happens is decided in `decide`.
namespace troupe::scaling {

/// Everything that a rule may look at.
struct situation {
  const policy_set& policy;
  const metric_windows& windows;
  timestamp now;
  int desired = 0;
  int steady = 0;   ///< ready for longer than the warm-up: those that averages are of
  int warming = 0;  ///< asked, booting, or ready since less than the warm-up
  double slots_per_node = 1;
};
[[nodiscard]] situation look_at(const policy_set& policy, const metric_windows& windows, const fleet& machines, timestamp now);

struct opinion {
  enum class kind : std::uint8_t {
    out,    ///< wants more
    in,     ///< would do with fewer
    hold,   ///< wants as many as there are
    blind,  ///< its metric is missing, stale or no number
    silent  ///< never asks for fewer, and does not ask for more now
  };
  kind what = kind::hold;
  int nodes = 0;                ///< that it wants
  std::optional<double> value;  ///< of its metric, in the newest period
};
[[nodiscard]] const char* to_string(opinion::kind k) noexcept;
[[nodiscard]] opinion judge(const rule& r, const situation& at);
/// Why it says so, for people: "queue_depth 120 is above 100 in 2 of 2 periods of 60s".
[[nodiscard]] std::string why(const rule& r, const opinion& said, const situation& at);

/// What would have to come for a rule to want something else.
struct condition {
  int change = 0;  ///< nodes that it would add (take away) then
  bool is_above = true;
  double threshold = 0;  ///< that the metric must be above (below)
  duration lasts{};      ///< for so long from now on
};
/// What would make a rule that does not want more now do so; nothing if nothing can, or it is blind.
[[nodiscard]] std::optional<condition> what_adds(const rule& r, const situation& at);
/// The same for fewer.
[[nodiscard]] std::optional<condition> what_removes(const rule& r, const situation& at);

}  // namespace troupe::scaling
