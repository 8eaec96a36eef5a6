#include "base/error.hpp"
#include "cli/artifacts.hpp"
#include "cli/commands.hpp"
#include "cli/json_text.hpp"
#include "cli/local_file.hpp"
#include "cli/units_text.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

namespace troupe::cli {

outcome<exit_code> run_artifact_put(const global_options& global, const std::vector<std::string>& files) {
  TROUPE_TRY(auto node, connect(global));
  for (const auto& file : files) {
    if (!std::filesystem::is_regular_file(file))
      return failure{exit_code::local_file, fmt::format("there is no file '{}'", file)};
  }
  for (const auto& file : files) {
    TROUPE_TRY(const auto stored, put_artifact(node, file));
    fmt::print("{}\n", global.json ? json::serialize(stored) : text_at(stored, "artifact"));
    node.tell(fmt::format("stored {} ({})", file, rough_size(bytes{count_at(stored, "size")})));
  }
  return exit_code::ok;
}

outcome<exit_code> run_artifact_get(const global_options& global, const std::string& hash, const std::string& output) {
  TROUPE_TRY(auto node, connect(global));
  auto target = output;
  if (target.empty()) {
    TROUPE_TRY(const auto type, media_type_at(node, hash));
    target = hash.substr(0, 16) + std::string{extension_of(type)};
  }
  TROUPE_TRY(const auto size, get_artifact(node, hash, target));
  if (target == "-") return exit_code::ok;
  if (global.json)
    fmt::print("{}\n", json::serialize(json::object{{"artifact", hash}, {"size", size}, {"file", target}}));
  else
    fmt::print("{}\n", target);
  return exit_code::ok;
}

outcome<exit_code> run_artifact_usage(const global_options& global) {
  TROUPE_TRY(auto node, connect(global));
  TROUPE_TRY(const auto about, node.call({.target = "/v1/node"}));
  const auto* stored = about.if_contains("artifacts");
  if (!stored || !stored->is_object())
    return failure{exit_code::node_failed,
                   fmt::format("{} does not say what it has stored; is it an older version?", node.url())};
  const auto& figures = stored->get_object();
  if (global.json) {
    fmt::print("{}\n", json::serialize(figures));
    return exit_code::ok;
  }
  const auto size_at = [&figures](const char* name) { return rough_size(bytes{count_at(figures, name)}); };
  fmt::print("{} artifacts, {}\n", count_at(figures, "count"), size_at("bytes"));
  fmt::print("since the start: {} removed ({}), {} copies restored at other nodes\n", count_at(figures, "collected"),
             size_at("collected_bytes"), count_at(figures, "copies_restored"));
  return exit_code::ok;
}

}  // namespace troupe::cli
