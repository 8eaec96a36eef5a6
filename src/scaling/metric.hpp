#pragma once

#include "base/error.hpp"
#include "base/units.hpp"

#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What rules look at: named metrics, and the last samples of each.
namespace troupe::scaling {

enum class metric_kind : std::uint8_t {
  queue_depth,            ///< tasks that wait; with a class (`model::job_class`), those of its jobs
  unfinished,             ///< tasks that wait or run
  oldest_age,             ///< seconds that the longest waiting task has waited
  wait_p95,               ///< seconds from ready to started, 95th percentile
  run_p95,                ///< seconds of a request or task, 95th percentile
  slot_use,               ///< percent of the slots of ready nodes
  gpu_use,                ///< percent, average over nodes
  cpu_use,                ///< percent, average over nodes
  memory_use,             ///< percent, average over nodes
  active_tasks_per_node,  ///< tasks that run, average over nodes
  connections,            ///< open ones, average over nodes
  requests_per_node,      ///< in a minute, average over nodes
  error_rate,             ///< percent of requests
  prometheus              ///< what a query says
};

/// One metric: its kind, and the class of tasks or the query where the kind has one.
struct metric {
  metric_kind kind{};
  std::string of;  ///< class of `queue_depth`, query of `prometheus`, else ""
  friend auto operator<=>(const metric&, const metric&) = default;
};
/// "queue_depth", "queue_depth:critical", "prometheus:sum(rate(x[1m]))".
[[nodiscard]] std::string to_string(const metric& m);
/// The other way. The error has what is wrong and a hint, without a place.
[[nodiscard]] result<metric> metric_from(std::string_view text);
/// All names, for messages.
[[nodiscard]] std::vector<std::string_view> metric_names();
/// "s", "%" or "".
[[nodiscard]] std::string_view unit_of(metric_kind kind) noexcept;

struct sample {
  timestamp at{};
  double value = 0;  ///< NaN: whoever measured could not say
};

/// The last samples of each metric, by time. A late one takes its place, one of the same time replaces.
class metric_windows {
 public:
  void add(const metric& of, sample s);
  /// The newest value that is not of the future. @returns nothing if there is none, it is no number, or older than `age_most`.
  [[nodiscard]] std::optional<double> latest(const metric& of, timestamp now, duration age_most) const;
  /// The mean of (from, to]. @returns nothing if there is no sample in it, or one that is no number.
  [[nodiscard]] std::optional<double> average(const metric& of, timestamp from, timestamp to) const;

 private:
  std::map<metric, std::deque<sample>> all_;
};

}  // namespace troupe::scaling
