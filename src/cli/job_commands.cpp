#include "base/error.hpp"
#include "cli/commands.hpp"
#include "cli/interrupt.hpp"
#include "cli/show_job.hpp"
#include "cli/watch.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include <unistd.h>

#include <cstdio>

namespace troupe::cli {
namespace {

constexpr duration list_refresh = 2s;
constexpr std::uint32_t page_most = 500;

std::string list_target(const jobs_command& command, std::uint32_t limit, const std::string& cursor) {
  auto target = fmt::format("/v1/jobs?limit={}", limit);
  const auto add = [&target](std::string_view name, std::string_view value) {
    if (!value.empty()) target += fmt::format("&{}={}", name, encode_segment(value));
  };
  add("state", command.state);
  add("pipeline", command.pipeline);
  auto label = command.label;
  if (const auto equals = label.find('='); equals != std::string::npos) label[equals] = ':';
  add("label", label);
  add("cursor", cursor);
  return target;
}

/// Reads pages until the limit or the end. @returns {"jobs", "as_of", "next_cursor"}.
outcome<json::object> list_jobs(api& node, const jobs_command& command) {
  json::array jobs;
  std::string cursor;
  json::object last;
  do {
    const auto rest = command.limit - static_cast<std::uint32_t>(jobs.size());
    TROUPE_TRY(last, node.call({.target = list_target(command, std::min(rest, page_most), cursor)}));
    const auto* page = array_at(last, "jobs");
    cursor = text_at(last, "next_cursor");
    if (!page || page->empty()) break;
    jobs.insert(jobs.end(), page->begin(), page->end());
  } while (jobs.size() < command.limit && !cursor.empty());
  last["jobs"] = std::move(jobs);
  return last;
}

void print_jobs(const json::object& list, bool as_json) {
  if (as_json) {
    fmt::print("{}\n", json::serialize(list));
    return;
  }
  fmt::print("{}\n", job_row_head());
  for (const auto& job : list.at("jobs").get_array()) {
    if (job.is_object()) fmt::print("{}\n", job_row(job.get_object()));
  }
  if (!text_at(list, "next_cursor").empty()) std::fputs("(there are more; --limit shows them)\n", stderr);
}

}  // namespace

outcome<exit_code> run_jobs(const global_options& global, const jobs_command& command) {
  TROUPE_TRY(auto node, connect(global));
  do {
    TROUPE_TRY(const auto list, list_jobs(node, command));
    if (command.watch && !global.json && isatty(STDOUT_FILENO) == 1) fmt::print("\x1b[H\x1b[2J");
    print_jobs(list, global.json);
    std::fflush(stdout);
  } while (command.watch && wait_for(list_refresh));
  if (was_interrupted()) return failure{exit_code::interrupted, "interrupted"};
  return exit_code::ok;
}

outcome<exit_code> run_job(const global_options& global, const std::string& id) {
  TROUPE_TRY(auto node, connect(global));
  TROUPE_TRY(const auto job, node.call({.target = "/v1/jobs/" + encode_segment(id)}));
  if (global.json)
    fmt::print("{}\n", json::serialize(job));
  else
    for (const auto& line : job_lines(job, node.url())) fmt::print("{}\n", line);
  return exit_code::ok;
}

outcome<exit_code> run_watch(const global_options& global, const std::string& id) {
  TROUPE_TRY(auto node, connect(global));
  if (!global.json) return follow_job(node, global, id, {});
  TROUPE_TRY(const auto job, watch_job(node, id, {.draw = true, .json_lines = true}));
  fmt::print("{}\n", json::serialize(job));
  return code_of(job);
}

outcome<exit_code> run_cancel(const global_options& global, const std::string& id, const std::string& reason) {
  TROUPE_TRY(auto node, connect(global));
  http_request request{.method = "POST", .target = fmt::format("/v1/jobs/{}/cancel", encode_segment(id))};
  request.headers = {"Content-Type: application/json"};
  request.body = json::serialize(reason.empty() ? json::object{} : json::object{{"reason", reason}});
  TROUPE_TRY(const auto job, node.call(request));
  fmt::print("{}\n", global.json ? json::serialize(job) : fmt::format("{} {}", text_at(job, "id"), text_at(job, "state")));
  return exit_code::ok;
}

}  // namespace troupe::cli
