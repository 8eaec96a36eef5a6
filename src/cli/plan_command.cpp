#include "cli/plan_command.hpp"

#include "cli/local_failure.hpp"
#include "cli/local_file.hpp"
#include "cli/policy_file.hpp"
#include "cli/units_text.hpp"
#include "scaling/plan.hpp"

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace troupe::cli {
namespace {

namespace json = boost::json;

void print_text(const scaling::plan& made, const scaling::price_list& prices) {
  const auto row = [](const char* what, const std::string& figure) { fmt::print("{:<24}{}\n", what, figure); };
  row("nodes", fmt::format("{}{}", made.nodes, made.is_capped ? ", more would be needed than the policy allows" : ""));
  row("a job takes", fmt::format("{:.4g} s", made.job_seconds));
  row("they can do", fmt::format("{:.4g} jobs an hour", made.capacity_per_hour));
  row("they do", fmt::format("{:.4g} jobs an hour, {:.4g} % of what they can", made.done_per_hour, made.use_percent));
  if (made.wait_p95_seconds)
    row("a job waits",
        fmt::format("{:.3g} s on average, 95 % at most {:.3g} s", *made.wait_mean_seconds, *made.wait_p95_seconds));
  else
    row("a job waits", fmt::format("ever longer: what comes in an hour takes {:.3g} hours", made.hours_for_an_hour));
  for (const auto& each : made.costs) row("a month", fmt::format("{:>12.2f} {}  {}", each.monthly, prices.currency, each.name));
  row("a month, together", fmt::format("{:>12.2f} {}", made.cost_month, prices.currency));
  row("a job", fmt::format("{:>12.4f} {}, of {:.0f} a month", made.cost_job, prices.currency, made.jobs_month));
}

json::object to_json(const scaling::plan& made, const scaling::price_list& prices) {
  json::array costs;
  for (const auto& each : made.costs) costs.push_back(json::object{{"name", each.name}, {"monthly", each.monthly}});
  json::object out{{"nodes", made.nodes},
                   {"capped", made.is_capped},
                   {"job_seconds", made.job_seconds},
                   {"capacity_per_hour", made.capacity_per_hour},
                   {"done_per_hour", made.done_per_hour},
                   {"use_percent", made.use_percent},
                   {"hours_for_an_hour", made.hours_for_an_hour},
                   {"currency", prices.currency},
                   {"costs", std::move(costs)},
                   {"cost_month", made.cost_month},
                   {"jobs_month", made.jobs_month},
                   {"cost_job", made.cost_job}};
  out["wait_mean_seconds"] = made.wait_mean_seconds ? json::value(*made.wait_mean_seconds) : json::value(nullptr);
  out["wait_p95_seconds"] = made.wait_p95_seconds ? json::value(*made.wait_p95_seconds) : json::value(nullptr);
  return out;
}

}  // namespace

outcome<exit_code> run_plan(const global_options& global, const plan_command& given, const std::filesystem::path& program) {
  TROUPE_TRY(const auto text, read_text(given.prices));
  TROUPE_TRY(const auto file, local(scaling::parse_plan(text, given.prices)));
  auto load = file.load;
  // Another load may need another number of nodes than the file's.
  if (given.jobs_per_hour || !given.stage_seconds.empty()) load.nodes.reset();
  if (given.jobs_per_hour) load.jobs_per_hour = *given.jobs_per_hour;
  if (!given.stage_seconds.empty()) load.stage_seconds = given.stage_seconds;
  if (given.nodes) load.nodes = given.nodes;
  if (given.hours_per_day) load.hours_per_day = *given.hours_per_day;
  if (!given.wait_most.empty()) {
    const auto parsed = parse_duration(given.wait_most);
    if (!parsed) return failure{exit_code::usage, "--wait-most " + parsed.error().detail};
    load.wait_most_seconds = static_cast<double>(parsed->count()) / 1000;
  }
  if (!given.policy.empty()) {
    TROUPE_TRY(const auto policy, load_policy(given.policy, program));
    load.nodes_least = std::max(1, policy.read.bounds.min);
    load.nodes_most = policy.read.bounds.max;
  }
  TROUPE_TRY(const auto made, local(scaling::make_plan(load, file.prices)));
  if (global.json)
    fmt::print("{}\n", json::serialize(to_json(made, file.prices)));
  else
    print_text(made, file.prices);
  return exit_code::ok;
}

}  // namespace troupe::cli
