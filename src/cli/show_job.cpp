#include "cli/show_job.hpp"

#include "cli/job_progress.hpp"
#include "cli/render.hpp"

#include <fmt/format.h>

namespace troupe::cli {
namespace {

constexpr std::size_t line_columns_most = 2000;

std::string hash_in(const json::value& value) {
  const auto* object = value.if_object();
  return object ? text_at(*object, "artifact") : std::string{};
}

std::string value_text(const json::value& value, const std::string& url) {
  const auto hash = hash_in(value);
  return fit(hash.empty() ? plain_text(value) : fmt::format("{}/v1/artifacts/{}", url, hash), line_columns_most);
}

void add_error(std::vector<std::string>& lines, const json::object& job) {
  const auto* error = object_at(job, "error");
  if (!error) return;
  const auto stage = text_at(*error, "stage");
  lines.push_back(
      fit(fmt::format("error: {}{}: {}", stage.empty() ? "" : stage + " ", text_at(*error, "cause"), text_at(*error, "detail")),
          line_columns_most));
  const auto* stages = array_at(job, "stages");
  for (std::size_t i = 0; stages && i < stages->size(); ++i) {
    const auto* object = (*stages)[i].if_object();
    if (!object || text_at(*object, "name") != stage) continue;
    const auto* failed = object_at(*object, "last_failure");
    const auto said = failed ? text_at(*failed, "stderr") : std::string{};
    for (std::size_t from = 0; from < said.size();) {
      const auto end = std::min(said.find('\n', from), said.size());
      lines.push_back("  | " + fit(std::string_view{said}.substr(from, end - from), line_columns_most));
      from = end + 1;
    }
  }
}

}  // namespace

std::vector<std::pair<std::string, std::string>> artifacts_of(const json::object& result) {
  std::vector<std::pair<std::string, std::string>> found;
  for (const auto& [key, value] : result) {
    const std::string name{key.data(), key.size()};
    if (const auto hash = hash_in(value); !hash.empty()) found.emplace_back(name, hash);
    const auto* list = value.if_array();
    for (std::size_t i = 0; list && i < list->size(); ++i) {
      if (const auto hash = hash_in((*list)[i]); !hash.empty()) found.emplace_back(fmt::format("{}-{}", name, i + 1), hash);
    }
  }
  return found;
}

std::vector<std::string> result_lines(const json::object& job, const std::string& url) {
  std::vector<std::string> lines;
  if (const auto* result = object_at(job, "result")) {
    for (const auto& [key, value] : *result) {
      const std::string name{key.data(), key.size()};
      if (const auto* list = value.if_array()) {
        for (const auto& each : *list) lines.push_back(fmt::format("{}: {}", name, value_text(each, url)));
      } else {
        lines.push_back(fmt::format("{}: {}", name, value_text(value, url)));
      }
    }
  }
  return lines;
}

std::vector<std::string> job_lines(const json::object& job, const std::string& url) {
  std::vector<std::string> lines{fmt::format("job: {}", text_at(job, "id")),
                                 fmt::format("pipeline: {}", text_at(job, "pipeline")),
                                 fmt::format("state: {} ({}%)", text_at(job, "state"), count_at(job, "permille") / 10),
                                 fmt::format("priority: {}", count_at(job, "priority"))};
  if (const auto* labels = object_at(job, "labels"); labels && !labels->empty()) {
    for (const auto& [key, value] : *labels)
      lines.push_back(fit(fmt::format("label: {}={}", std::string_view{key}, plain_text(value)), line_columns_most));
  }
  for (const auto* key : {"created_at", "started_at", "ended_at", "deadline"}) {
    if (const auto at = text_at(job, key); !at.empty()) lines.push_back(fmt::format("{}: {}", key, at));
  }
  if (const auto paused = text_at(job, "paused"); !paused.empty()) lines.push_back(fit("paused: " + paused, line_columns_most));
  const auto bars = render_bars(progress_of(job), 160, 0);
  lines.insert(lines.end(), bars.begin() + 1, bars.end());
  add_error(lines, job);
  const auto results = result_lines(job, url);
  if (!results.empty()) lines.push_back("result:");
  for (const auto& line : results) lines.push_back("  " + line);
  return lines;
}

std::string job_row_head() {
  return fmt::format("{:<16}  {:<9}  {:>4}  {:<24}  {}", "JOB", "STATE", "DONE", "CREATED", "PIPELINE");
}

std::string job_row(const json::object& job) {
  return fit(fmt::format("{:<16}  {:<9}  {:>3}%  {:<24}  {}{}", text_at(job, "id"), text_at(job, "state"),
                         count_at(job, "permille") / 10, text_at(job, "created_at"), text_at(job, "pipeline"),
                         text_at(job, "paused").empty() ? "" : " (paused)"),
             200);
}

}  // namespace troupe::cli
