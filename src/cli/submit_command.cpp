#include "base/error.hpp"
#include "cli/artifacts.hpp"
#include "cli/commands.hpp"
#include "cli/local_file.hpp"
#include "cli/show_job.hpp"
#include "cli/units_text.hpp"
#include "cli/watch.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include <sys/random.h>

#include <array>
#include <cstdio>
#include <map>

namespace troupe::cli {
namespace {

std::string random_key() {
  std::array<unsigned char, 16> raw{};
  TROUPE_ASSERT(getrandom(raw.data(), raw.size(), 0) == static_cast<ssize_t>(raw.size()), "Linux gives 16 random bytes at once");
  std::string key;
  for (const auto byte : raw) key += fmt::format("{:02x}", byte);
  return key;
}

/// A spooled copy of standard input, removed at the end.
struct temporary_file {
  std::filesystem::path path;
  ~temporary_file() {
    std::error_code ignored;  // a left-over in the temporary folder is no reason to fail
    if (!path.empty()) std::filesystem::remove(path, ignored);
  }
};

outcome<std::string> upload_file(api& node, const std::filesystem::path& file) {
  temporary_file spooled;
  auto source = file;
  if (file == "-") {
    TROUPE_TRY(spooled.path, spool_standard_input());
    source = spooled.path;
  }
  TROUPE_TRY(const auto stored, put_artifact(node, source));
  node.tell(fmt::format("uploaded {} ({})", file == "-" ? "standard input" : file.string(),
                        rough_size(bytes{count_at(stored, "size")})));
  return text_at(stored, "artifact");
}

/// Uploads what must be uploaded, each file once. @returns the request's inputs.
outcome<json::object> upload_inputs(api& node, std::vector<planned_input> planned) {
  json::object inputs;
  std::map<std::filesystem::path, std::string> uploaded;
  for (auto& input : planned) {
    json::array values;
    for (auto& value : input.values) {
      if (auto* plain = std::get_if<json::value>(&value)) {
        values.push_back(std::move(*plain));
        continue;
      }
      const auto& file = std::get<upload>(value).file;
      auto& hash = uploaded[file];
      if (hash.empty()) {
        TROUPE_TRY(hash, upload_file(node, file));
      }
      values.push_back(json::object{{"artifact", hash}});
    }
    if (input.list)
      inputs[input.name] = std::move(values);
    else
      inputs[input.name] = std::move(values.front());
  }
  return inputs;
}

outcome<void> check_output(const std::string& output) {
  if (output.empty() || output == "-" || std::filesystem::is_directory(output)) return {};
  TROUPE_TRY(const auto tried, file_writer::open(output));  // now, not after ten minutes of rendering
  return {};
}

outcome<void> save_result(api& node, const json::object& job, const std::string& output) {
  const auto* result = object_at(job, "result");
  const auto artifacts = result ? artifacts_of(*result) : std::vector<std::pair<std::string, std::string>>{};
  if (artifacts.empty())
    return failure{exit_code::local_file, fmt::format("the job's result has no artifact to save as {}", output)};
  const bool folder = std::filesystem::is_directory(output);
  if (artifacts.size() > 1 && !folder) {
    return failure{exit_code::usage, fmt::format("the result has {} artifacts; give -o a folder (the job is done: troupe job {})",
                                                 artifacts.size(), text_at(job, "id"))};
  }
  for (const auto& [name, hash] : artifacts) {
    std::filesystem::path target = output;
    if (folder) {
      TROUPE_TRY(const auto type, media_type_at(node, hash));
      target /= name + std::string{extension_of(type)};
    }
    TROUPE_TRY(const auto size, get_artifact(node, hash, target));
    node.tell(fmt::format("saved {} ({})", target == "-" ? "to standard output" : target.string(), rough_size(bytes{size})));
  }
  return {};
}

}  // namespace

outcome<exit_code> follow_job(api& node, const global_options& global, const std::string& id, const std::string& output) {
  const auto ended = watch_job(node, id, {});
  if (!ended && ended.error().code == exit_code::interrupted) {
    const auto url = global.url.empty() ? std::string{} : fmt::format(" --url {}", node.url());
    return failure{exit_code::interrupted, fmt::format("the job goes on; watch it again with: troupe watch {}{}", id, url)};
  }
  if (!ended) {
    return failure{ended.error().code,
                   fmt::format("{}\n  job {} may go on; watch it again with: troupe watch {}", ended.error().detail, id, id)};
  }
  const auto code = code_of(*ended);
  if (global.json)
    fmt::print("{}\n", json::serialize(*ended));
  else if (code == exit_code::ok && output != "-") {
    for (const auto& line : result_lines(*ended, node.url())) fmt::print("{}\n", line);
  }
  std::fflush(stdout);
  if (code != exit_code::ok) {
    for (const auto& line : job_lines(*ended, node.url())) node.tell(line);
    return code;
  }
  if (!output.empty()) TROUPE_CHECK(save_result(node, *ended, output));
  return code;
}

namespace {

/// What a job that was taken at the limit has to expect.
void tell_prospect(const api& node, const json::object& job) {
  const auto degraded = text_at(job, "degraded"), cheaper = text_at(job, "cheaper_inputs");
  if (degraded.empty()) return;
  const auto wait_ms = count_at(job, "expected_wait_ms");  // 0 if nobody knows, too
  node.tell(fmt::format("the cluster is at its limit{}{}",
                        wait_ms > 0 ? fmt::format(": the job will wait about {} s", (wait_ms + 999) / 1000) : "",
                        cheaper == "used"      ? "; it has the pipeline's cheaper inputs"
                        : cheaper == "offered" ? "; with --accept-cheaper it would have cheaper inputs"
                                               : ""));
}

}  // namespace

outcome<exit_code> run_submit(const global_options& global, const submit_command& command) {
  TROUPE_TRY(auto body, request_head(command.request));
  TROUPE_CHECK(check_output(command.output));
  TROUPE_TRY(auto node, connect(global));
  TROUPE_TRY(const auto pipeline, node.call({.target = "/v1/pipelines/" + encode_segment(command.request.pipeline)}));
  const local_files files{[](const auto& path) { return std::filesystem::is_regular_file(path); }, read_text};
  TROUPE_TRY(auto planned, plan_inputs(pipeline_spec_of(pipeline), command.inputs, files));
  TROUPE_TRY(auto inputs, upload_inputs(node, std::move(planned)));
  body["inputs"] = std::move(inputs);

  http_request request{.method = "POST", .target = "/v1/jobs", .body = json::serialize(body)};
  // The key makes our own second try, after an answer that was lost, the same job.
  request.headers = {"Content-Type: application/json", "Idempotency-Key: " + (command.key.empty() ? random_key() : command.key)};
  TROUPE_TRY(const auto job, node.call(request));
  const auto id = text_at(job, "id");
  if (id.empty()) return failure{exit_code::node_failed, fmt::format("{} took the job but did not name it", node.url())};
  tell_prospect(node, job);
  if (command.follow || !command.output.empty()) {
    node.tell(fmt::format("submitted job {}", id));
    return follow_job(node, global, id, command.output);
  }
  fmt::print("{}\n", global.json ? json::serialize(job) : id);
  return exit_code::ok;
}

}  // namespace troupe::cli
