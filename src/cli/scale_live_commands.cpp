#include "base/clock.hpp"
#include "cli/json_text.hpp"
#include "cli/members.hpp"
#include "cli/render.hpp"
#include "cli/scale_command.hpp"
#include "cli/units_text.hpp"
#include "scaling/limits.hpp"
#include "scaling/trace.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include <algorithm>

// What a running cluster decides about its nodes.
namespace troupe::cli {
namespace {

constexpr std::size_t decisions_shown = 10, line_columns_most = 300;
constexpr int page_most = 500;

void print_machines(const json::object& status) {
  const auto* machines = array_at(status, "machines");
  if (!machines || machines->empty()) return;
  fmt::print("{:<10}  {:<16}  {:<8}  {:>5}\n", "MACHINE", "NODE", "STATE", "TASKS");
  for (const auto& each : *machines) {
    const auto* one = each.if_object();
    if (!one) continue;
    const auto name = text_at(*one, "name"), node = text_at(*one, "node");
    fmt::print("{:<10}  {:<16}  {:<8}  {:>5}\n", name.empty() ? "(own)" : name, node.empty() ? "-" : node, text_at(*one, "state"),
               count_at(*one, "tasks"));
    if (const auto why = text_at(*one, "why"); !why.empty()) fmt::print("{}\n", fit("  " + why, line_columns_most));
  }
}

void print_degradation(const json::object& status) {
  const auto* now = object_at(status, "degradation");
  const auto* classes = now ? array_at(*now, "classes") : nullptr;
  if (!classes) return;
  const auto level = count_at(*now, "level");
  fmt::print("jobs: {}\n", level == 0 ? "all is as ever" : fmt::format("level {}: {}", level, text_at(*now, "why")));
  for (const auto& each : *classes) {
    const auto* one = each.if_object();
    if (!one) continue;
    const auto* wait = one->if_contains("expected_wait_ms");
    const bool is_known = wait && !wait->is_null();
    fmt::print("     {:<10}  {:<8}  expected wait {}\n", text_at(*one, "class"), text_at(*one, "measure"),
               is_known ? fmt::format("{} s", (count_at(*one, "expected_wait_ms") + 999) / 1000) : "unknown");
  }
}

void print_decision(const json::object& decision) {
  fmt::print("{}\n", fit(fmt::format("{} -> {}  {}: {}", count_at(decision, "from"), count_at(decision, "to"),
                                     text_at(decision, "reason"), text_at(decision, "text")),
                         line_columns_most));
}

void print_status(const json::object& status) {
  if (text_at(status, "policy").empty()) {
    fmt::print("nodes do not follow the load here: `scaling.policy` names no policy; see docs/scaling.md\n");
    return;
  }
  if (!flag_at(status, "leads")) {
    fmt::print("no node decides at this moment\n");
    return;
  }
  fmt::print("policy {} ({}), {} nodes wanted, {} on order\n", text_at(status, "policy"), text_at(status, "environment"),
             count_at(status, "desired"), count_at(status, "on_order"));
  if (const auto* held = object_at(status, "held"))
    fmt::print("an operator holds it at {} nodes; `troupe scale release` ends that\n", count_at(*held, "nodes"));
  if (const auto* now = object_at(status, "now")) {
    fmt::print("now: {}\n", text_at(*now, "text"));
    if (const auto* otherwise = array_at(*now, "otherwise"))
      for (const auto& each : *otherwise)
        if (const auto* one = each.if_object()) fmt::print("     {}\n", text_at(*one, "text"));
  }
  if (const auto* alarms = array_at(status, "alarms"))
    for (const auto& each : *alarms)
      if (const auto* one = each.if_object()) fmt::print("alarm: {}: {}\n", text_at(*one, "code"), text_at(*one, "why"));
  print_degradation(status);
  print_machines(status);
  const auto* decisions = array_at(status, "decisions");
  if (!decisions || decisions->empty()) return;
  fmt::print("\nlast decisions, the newest below\n");
  const auto first = decisions->size() - std::min(decisions->size(), decisions_shown);
  for (std::size_t i = first; i < decisions->size(); ++i)
    if (const auto* one = (*decisions)[i].if_object()) print_decision(*one);
}

outcome<exit_code> show(const global_options& global, const std::string& target, const std::optional<std::string>& body) {
  TROUPE_TRY(auto node, connect(global));
  TROUPE_TRY(const auto status, ask_leader(global, node, target, body));
  if (global.json)
    fmt::print("{}\n", json::serialize(status));
  else
    print_status(status);
  return exit_code::ok;
}

/// Newest first, page by page.
outcome<std::vector<scaling::recorded_job>> jobs_since(api& node, timestamp from) {
  std::vector<scaling::recorded_job> found;
  std::string cursor;
  do {
    const auto target = fmt::format("/v1/jobs?limit={}{}", page_most, cursor.empty() ? "" : "&cursor=" + encode_segment(cursor));
    TROUPE_TRY(const auto list, node.call({.target = target}));
    const auto* page = array_at(list, "jobs");
    if (!page) break;
    for (const auto& each : *page) {
      const auto* job = each.if_object();
      const auto created = job ? time_at(*job, "created_at") : std::nullopt;
      if (!created) continue;
      if (*created < from) return found;
      const auto started = time_at(*job, "started_at"), ended = time_at(*job, "ended_at");
      found.push_back({*created, started && ended ? std::optional{std::max(duration{0}, *ended - *started)} : std::nullopt});
    }
    cursor = text_at(list, "next_cursor");
  } while (!cursor.empty());
  return found;
}

}  // namespace

outcome<exit_code> run_scale_status(const global_options& global) { return show(global, "/v1/scaling", {}); }

outcome<exit_code> run_scale_hold(const global_options& global, int nodes, const std::string& time) {
  const auto lasts = parse_duration(time);
  if (!lasts) return failure{exit_code::usage, "--for " + lasts.error().detail};
  return show(global, "/v1/scaling/hold", json::serialize(json::object{{"nodes", nodes}, {"for_ms", lasts->count()}}));
}

outcome<exit_code> run_scale_record(const global_options& global, const std::string& time, const std::string& step) {
  const auto lasts = parse_duration(time), every = parse_duration(step);
  if (!lasts) return failure{exit_code::usage, "--for " + lasts.error().detail};
  if (!every) return failure{exit_code::usage, "--step " + every.error().detail};
  if (*every < 1s || *lasts < *every || *lasts / *every > static_cast<std::int64_t>(scaling::limits::trace_rows))
    return failure{exit_code::usage,
                   fmt::format("--step is 1 s at least, and --for 1 to {} times as long", scaling::limits::trace_rows)};
  TROUPE_TRY(auto node, connect(global));
  const auto now = steady_wall_clock{}.now();
  TROUPE_TRY(const auto jobs, jobs_since(node, now - *lasts));
  if (jobs.empty())
    return failure{exit_code::usage, fmt::format("no job of the last {} is there (those that ended are kept for "
                                                 "retention.finished)",
                                                 format_duration(*lasts))};
  fmt::print("{}", scaling::to_csv(scaling::recorded_trace(jobs, now - *lasts, now, *every)));
  return exit_code::ok;
}

outcome<exit_code> run_scale_release(const global_options& global) { return show(global, "/v1/scaling/release", "{}"); }

}  // namespace troupe::cli
