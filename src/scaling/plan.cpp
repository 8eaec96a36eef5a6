#include "scaling/plan.hpp"

#include "scaling/limits.hpp"
#include "scaling/policy_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace troupe::scaling {
namespace {

using namespace detail;

constexpr double money_most = 1e9;

result<void> read_items(const fields& top, std::string_view key, double hours, std::vector<price_item>& into,
                        const fault_maker& fault) {
  const auto* const list = top.find(key);
  if (!list) return {};
  constexpr auto hint = "write - {name: storage, monthly: 10}";
  if (!list->is_list() || list->items.size() > limits::rules)
    return top.wrong(*list, fmt::format("'{}' must be a list of at most {}", key, limits::rules), hint);
  for (const auto& each : list->items) {
    const fields item{each, fmt::format("an item of '{}'", key), fault};
    TROUPE_CHECK(item.check({"name", "monthly", "hourly", "hours_per_month"}));
    TROUPE_CHECK(item.need("name", hint));
    price_item made;
    TROUPE_CHECK(item.text("name", limits::metric_bytes, made.name));
    if ((item.find("monthly") != nullptr) == (item.find("hourly") != nullptr))
      return item.wrong(each, "must have either monthly or hourly", hint);
    TROUPE_CHECK(item.number("monthly", 0, money_most, made.monthly));
    double hourly = 0;
    double its_hours = hours;
    TROUPE_CHECK(item.number("hourly", 0, money_most, hourly));
    TROUPE_CHECK(item.number("hours_per_month", 1, 744, its_hours));
    if (item.find("hourly")) made.monthly = hourly * its_hours;
    into.push_back(std::move(made));
  }
  return {};
}

result<void> read_load(const source_value& map, plan_request& into, const fault_maker& fault) {
  const fields load{map, "'load'", fault};
  TROUPE_CHECK(load.check({"jobs_per_hour", "stage_seconds", "nodes", "wait_most_seconds", "hours_per_day"}));
  TROUPE_CHECK(load.number("jobs_per_hour", 0, 1e9, into.jobs_per_hour));
  TROUPE_CHECK(load.integer("nodes", 1, limits::nodes, into.nodes));
  TROUPE_CHECK(load.number("wait_most_seconds", 0, 1e9, into.wait_most_seconds));
  TROUPE_CHECK(load.number("hours_per_day", 0.01, 24, into.hours_per_day));
  const auto* const stages = load.find("stage_seconds");
  if (!stages) return {};
  if (!stages->is_list() || stages->items.empty())
    return load.wrong(*stages, "'stage_seconds' must be a list of numbers", "write stage_seconds: [10, 45]");
  for (const auto& each : stages->items) {
    TROUPE_TRY(const auto seconds, number_of(each, "a stage", 1e-3, 1e7, fault));
    into.stage_seconds.push_back(seconds);
  }
  return {};
}

/// Mean and 95th percentile of the wait, in seconds.
std::pair<double, double> waits_of(int slots, double load, double job_seconds) {
  const double all_taken = erlang_c(slots, load);
  const double freed_per_second = (slots - load) / job_seconds;
  return {all_taken / freed_per_second, all_taken > 0.05 ? std::log(all_taken / 0.05) / freed_per_second : 0};
}

int nodes_for(const plan_request& request, const price_list& prices, double load, double job_seconds) {
  const double wait_most = request.wait_most_seconds.value_or(job_seconds);
  int nodes = std::max(1, static_cast<int>(std::floor(load / prices.slots_per_node)));
  for (; nodes < limits::nodes; ++nodes) {
    const int slots = nodes * prices.slots_per_node;
    if (slots > load && waits_of(slots, load, job_seconds).second <= wait_most) break;
  }
  return nodes;
}

}  // namespace

double erlang_c(int slots, double load) noexcept {
  if (load <= 0) return 0;
  double blocked = 1;  // Erlang B, by its recursion
  for (int each = 1; each <= slots; ++each) blocked = load * blocked / (each + load * blocked);
  const double use = load / slots;
  return blocked / (1 - use * (1 - blocked));
}

result<plan_file> parse_plan(std::string_view text, std::string_view file) {
  const fault_maker fault{file, "plan"};
  TROUPE_TRY(const auto root, model::detail::read_yaml(text, model::detail::text_origin::author, fault));
  const fields top{root, "the plan", fault};
  TROUPE_CHECK(top.check({"about", "currency", "hours_per_month", "node", "fixed", "per_node", "load"}));
  plan_file made;
  TROUPE_CHECK(top.text("about", limits::about_bytes, made.about));
  TROUPE_CHECK(top.text("currency", 16, made.prices.currency));
  TROUPE_CHECK(top.number("hours_per_month", 1, 744, made.prices.hours_per_month));
  TROUPE_TRY(const auto* const node, top.need("node", "write node: {hourly: 0.5}"));
  const fields of_node{*node, "'node'", fault};
  TROUPE_CHECK(of_node.check({"name", "hourly", "slots"}));
  TROUPE_CHECK(of_node.text("name", limits::metric_bytes, made.prices.node_name));
  TROUPE_CHECK(of_node.need("hourly", "write hourly: 0.5"));
  TROUPE_CHECK(of_node.number("hourly", 0, money_most, made.prices.node_hourly));
  TROUPE_CHECK(of_node.integer("slots", 1, 1024, made.prices.slots_per_node));
  TROUPE_CHECK(read_items(top, "fixed", made.prices.hours_per_month, made.prices.fixed, fault));
  TROUPE_CHECK(read_items(top, "per_node", made.prices.hours_per_month, made.prices.per_node, fault));
  if (const auto* const load = top.find("load")) TROUPE_CHECK(read_load(*load, made.load, fault));
  return made;
}

result<plan> make_plan(const plan_request& request, const price_list& prices) {
  const double job_seconds = std::accumulate(request.stage_seconds.begin(), request.stage_seconds.end(), 0.0);
  if (!(request.jobs_per_hour > 0))
    return error{errc::bad_request, "a plan needs a load; give --jobs-per-hour, or load: in the file"};
  if (!(job_seconds > 0))
    return error{errc::bad_request, "a plan needs to know how long a job takes; give --stage-seconds, or load: in the file"};
  plan made;
  made.job_seconds = job_seconds;
  const double load = request.jobs_per_hour * job_seconds / 3600;  // in slots
  if (load > static_cast<double>(limits::nodes) * prices.slots_per_node)
    return error{errc::bad_request, fmt::format("that load is more than {} nodes can do", limits::nodes)};
  const int wanted = request.nodes ? *request.nodes : nodes_for(request, prices, load, job_seconds);
  made.nodes = std::clamp(wanted, request.nodes_least, request.nodes_most);
  made.is_capped = made.nodes < wanted;
  const int slots = made.nodes * prices.slots_per_node;
  made.capacity_per_hour = slots * 3600 / job_seconds;
  made.done_per_hour = std::min(request.jobs_per_hour, made.capacity_per_hour);
  made.use_percent = 100 * load / slots;
  made.hours_for_an_hour = request.jobs_per_hour / made.capacity_per_hour;
  if (load < slots) {
    const auto [mean, p95] = waits_of(slots, load, job_seconds);
    made.wait_mean_seconds = mean;
    made.wait_p95_seconds = p95;
  }
  const double share_of_month = request.hours_per_day / 24;
  made.costs.push_back({fmt::format("{} x {}", made.nodes, prices.node_name),
                        made.nodes * prices.node_hourly * prices.hours_per_month * share_of_month});
  for (const auto& each : prices.per_node)
    made.costs.push_back({fmt::format("{} x {}", made.nodes, each.name), made.nodes * each.monthly});
  made.costs.insert(made.costs.end(), prices.fixed.begin(), prices.fixed.end());
  for (const auto& each : made.costs) made.cost_month += each.monthly;
  made.jobs_month = made.done_per_hour * prices.hours_per_month * share_of_month;
  made.cost_job = made.cost_month / made.jobs_month;
  return made;
}

}  // namespace troupe::scaling
