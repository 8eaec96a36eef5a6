#include "base/error.hpp"
#include "cli/commands.hpp"
#include "cli/local_file.hpp"
#include "cli/render.hpp"
#include "cli/submit_request.hpp"
#include "model/pipeline.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/json/serialize.hpp>

namespace troupe::cli {
namespace {

std::string input_text(const input_spec& input) {
  auto type = input.type;
  if (!input.choices.empty()) type = fmt::format("{}", fmt::join(input.choices, "|"));
  const auto text = fmt::format("--{} {}{}", input.name, type, input.list ? ", may be repeated" : "");
  return fit(fmt::format("    {:<40} {}{}", text, input.required ? "(required) " : "", input.description), 200);
}

}  // namespace

outcome<exit_code> run_pipeline_list(const global_options& global) {
  TROUPE_TRY(auto node, connect(global));
  TROUPE_TRY(const auto list, node.call({.target = "/v1/pipelines"}));
  if (global.json) {
    fmt::print("{}\n", json::serialize(list));
    return exit_code::ok;
  }
  const auto* pipelines = array_at(list, "pipelines");
  for (std::size_t i = 0; pipelines && i < pipelines->size(); ++i) {
    if (!(*pipelines)[i].is_object()) continue;
    const auto spec = pipeline_spec_of((*pipelines)[i].get_object());
    fmt::print("{}\n", fit(fmt::format("{}  {}", spec.name, spec.description), 200));
    for (const auto& input : spec.inputs) fmt::print("{}\n", input_text(input));
  }
  return exit_code::ok;
}

outcome<exit_code> run_pipeline_check(const global_options& global, const std::vector<std::string>& files) {
  json::array checked;
  std::size_t faults = 0;
  for (const auto& file : files) {
    TROUPE_TRY(const auto text, read_text(file));
    const auto parsed = model::parse_pipeline(text, file, model::pipeline_origin::installed);
    json::object about{{"file", file}, {"ok", parsed.has_value()}};
    if (parsed) {
      about["name"] = parsed->name;
      about["hash"] = parsed->hash.hex();
      if (!global.json)
        fmt::print("{}: fine: {}, {} stages, {}\n", file, parsed->name, parsed->stages.size(), parsed->hash.hex().substr(0, 16));
    } else {
      ++faults;
      about["detail"] = parsed.error().detail;
      if (!global.json) fmt::print(stderr, "{}\n", parsed.error().detail);
    }
    checked.push_back(std::move(about));
  }
  if (global.json) fmt::print("{}\n", json::serialize(json::object{{"pipelines", std::move(checked)}}));
  return faults == 0 ? exit_code::ok : exit_code::usage;
}

}  // namespace troupe::cli
