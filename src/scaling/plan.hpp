#pragma once

#include "base/error.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// How many nodes a load needs, how long tasks wait then, and what a month and a job cost.
namespace troupe::scaling {

struct price_item {
  std::string name;
  double monthly = 0;  ///< an hourly price times the hours of the month
};

/// What things cost, in one currency, by the month of so many hours that whoever sells counts.
struct price_list {
  std::string currency = "USD";
  double hours_per_month = 720;
  std::string node_name = "node";
  double node_hourly = 0;
  int slots_per_node = 1;
  std::vector<price_item> fixed, per_node;
};

struct plan_request {
  double jobs_per_hour = 0;
  std::vector<double> stage_seconds;  ///< of one job, one after another on a slot
  std::optional<int> nodes;           ///< none: as many as the wait allows
  int nodes_least = 1, nodes_most = 10'000;
  std::optional<double> wait_most_seconds;  ///< 95th percentile; none: as long as a job takes
  double hours_per_day = 24;                ///< that the nodes are there
};

/// A file of `config/plans`: prices, and the load that they are for, if it says one.
struct plan_file {
  std::string about;
  price_list prices;
  plan_request load;
};
/// The error says "file:line:column: what; hint".
[[nodiscard]] result<plan_file> parse_plan(std::string_view text, std::string_view file);

struct plan {
  int nodes = 0;
  bool is_capped = false;  ///< more nodes would be needed than there may be
  double job_seconds = 0;
  double capacity_per_hour = 0;                               ///< jobs that the nodes can do
  double done_per_hour = 0;                                   ///< jobs that they do: the load, or the capacity if that is less
  double use_percent = 0;                                     ///< load against capacity; above 100 the queue grows
  std::optional<double> wait_mean_seconds, wait_p95_seconds;  ///< none: the queue grows for ever
  double hours_for_an_hour = 0;                               ///< until what comes in an hour is done
  std::vector<price_item> costs;                              ///< each part, a month
  double cost_month = 0;
  double jobs_month = 0;
  double cost_job = 0;
};

/// Waits are those of a queue with random arrivals and exponential times (M/M/c, Erlang's second formula): too long rather than
/// too short for stages whose length varies less.
[[nodiscard]] result<plan> make_plan(const plan_request& request, const price_list& prices);

/// The chance that a job finds all slots taken (Erlang C). @param load  in slots, below `slots`
[[nodiscard]] double erlang_c(int slots, double load) noexcept;

}  // namespace troupe::scaling
