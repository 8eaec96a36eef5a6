#include "base/error.hpp"
#include "cli/commands.hpp"
#include "cli/json_text.hpp"
#include "cli/render.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include <algorithm>

// What an operator pauses and resumes.
namespace troupe::cli {
namespace {

constexpr std::size_t line_columns_most = 300;

std::string scope_of(const std::string& pipeline) {
  return pipeline.empty() ? std::string{"everything"} : "pipeline " + pipeline;
}

void print_queue(const json::object& queue) {
  const auto ready = count_at(queue, "tasks_ready"), paused = count_at(queue, "tasks_paused");
  const auto* pauses = array_at(queue, "pauses");
  if (!pauses || pauses->empty()) {
    fmt::print("nothing is paused; {} tasks wait for a slot\n", ready);
    return;
  }
  fmt::print("{} tasks wait for a slot, {} because of a pause\n", ready, paused);
  fmt::print("{:<24}  {:<24}  {:>7}  {:>7}  {}\n", "PAUSED", "SINCE", "TASKS", "JOBS", "REASON");
  for (const auto& each : *pauses) {
    const auto* pause = each.if_object();
    if (!pause) continue;
    const auto pipeline = text_at(*pause, "pipeline");
    fmt::print("{}\n", fit(fmt::format("{:<24}  {:<24}  {:>7}  {:>7}  {}", pipeline.empty() ? "(everything)" : pipeline,
                                       text_at(*pause, "since"), count_at(*pause, "tasks"), count_at(*pause, "jobs"),
                                       text_at(*pause, "reason")),
                           line_columns_most));
  }
}

/// What holds tasks back although this has been resumed: pauses of everything, or of single pipelines.
std::string still_paused(const queue_change& change, const json::object& after) {
  const auto* pauses = array_at(after, "pauses");
  if (!pauses || pauses->empty()) return "";
  if (change.pipeline.empty()) return fmt::format("; paused by themselves: {} (`troupe queue` lists them)", pauses->size());
  const bool all = std::ranges::any_of(
      *pauses, [](const json::value& one) { return one.is_object() && text_at(one.get_object(), "pipeline").empty(); });
  return all ? " as soon as everything does: all is paused until `troupe queue resume`" : "";
}

/// What it means, for the person in front.
void report(const api& node, const queue_change& change, const json::object& after) {
  const auto scope = scope_of(change.pipeline);
  const bool changed = flag_at(after, "changed");
  if (change.what == queue_change::action::resume)
    return node.tell((changed ? fmt::format("{} goes on", scope) : fmt::format("{} was not paused", scope))
                     + (changed || change.pipeline.empty() ? still_paused(change, after) : ""));
  node.tell(changed ? fmt::format("{} is paused: no task of it starts until `troupe queue resume{}{}`; what runs goes on, and "
                                  "jobs are taken",
                                  scope, change.pipeline.empty() ? "" : " ", change.pipeline)
                    : fmt::format("{} was paused already", scope));
}

}  // namespace

outcome<exit_code> run_queue(const global_options& global) {
  TROUPE_TRY(auto node, connect(global));
  TROUPE_TRY(const auto queue, node.call({.target = "/v1/queue"}));
  if (global.json)
    fmt::print("{}\n", json::serialize(queue));
  else
    print_queue(queue);
  return exit_code::ok;
}

outcome<exit_code> run_queue_change(const global_options& global, const queue_change& change) {
  TROUPE_TRY(auto node, connect(global));
  const bool pauses = change.what == queue_change::action::pause;
  json::object body;
  if (!change.pipeline.empty()) body["pipeline"] = change.pipeline;
  if (!change.reason.empty()) body["reason"] = change.reason;
  TROUPE_TRY(const auto after, node.call({.method = "POST",
                                          .target = pauses ? "/v1/queue/pause" : "/v1/queue/resume",
                                          .headers = {"Content-Type: application/json"},
                                          .body = json::serialize(body)}));
  if (global.json) fmt::print("{}\n", json::serialize(after));
  report(node, change, after);
  return exit_code::ok;
}

}  // namespace troupe::cli
