#include "cli/config_command.hpp"

#include "base/error.hpp"
#include "cli/local_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/json/serialize.hpp>

#include <cstdio>

namespace troupe::cli {
namespace {

/// The keys in their groups, as the file has them, with the origin of each value.
void print_yaml(const loaded_config& config) {
  std::string group;
  for (const auto& [name, text] : all_keys(config.values)) {
    const auto dot = name.find('.');
    const auto this_group = dot == std::string::npos ? std::string{} : name.substr(0, dot);
    if (this_group != group && !this_group.empty()) fmt::print("{}:\n", this_group);
    group = this_group;
    const auto line =
        dot == std::string::npos ? fmt::format("{}: {}", name, text) : fmt::format("  {}: {}", name.substr(dot + 1), text);
    const auto origin = config.origins.find(name);
    fmt::print("{:<44} # {}\n", line, origin == config.origins.end() ? "default" : origin->second);
  }
}

}  // namespace

outcome<loaded_config> load_config(const node_options& options, const std::filesystem::path& program) {
  loaded_config config;
  if (!options.config_file.empty()) {
    TROUPE_TRY(const auto text, read_text(options.config_file));
    TROUPE_CHECK(read_yaml(text, options.config_file, config));
  }
  for (const auto& setting : options.settings) {
    const auto equals = setting.find('=');
    if (equals == std::string::npos) return failure{exit_code::usage, fmt::format("--set '{}': KEY=VALUE is expected", setting)};
    TROUPE_CHECK(set_key(setting.substr(0, equals), setting.substr(equals + 1), "--set", config));
  }
  const std::pair<const char*, const std::string*> given[] = {{"data_directory", &options.data},
                                                              {"listen", &options.listen},
                                                              {"slots", &options.slots},
                                                              {"pipelines_directory", &options.pipelines}};
  const char* names[] = {"--data", "--listen", "--slots", "--pipelines"};
  for (std::size_t i = 0; i < std::size(given); ++i) {
    if (!given[i].second->empty()) TROUPE_CHECK(set_key(given[i].first, *given[i].second, names[i], config));
  }
  if (!options.labels.empty())
    TROUPE_CHECK(set_key("labels", fmt::format("{}", fmt::join(options.labels, ",")), "--label", config));
  if (!options.seeds.empty())
    TROUPE_CHECK(set_key("cluster.seeds", fmt::format("{}", fmt::join(options.seeds, ",")), "--seed", config));
  config.values.join_token = options.join_token;
  TROUPE_CHECK(check_together(config.values));
  fill_automatic(config, program);
  return config;
}

outcome<exit_code> run_config_show(const global_options& global, const node_options& options,
                                   const std::filesystem::path& program) {
  TROUPE_TRY(const auto config, load_config(options, program));
  if (!global.json) {
    print_yaml(config);
    return exit_code::ok;
  }
  json::object shown;
  for (const auto& [name, text] : all_keys(config.values)) {
    const auto origin = config.origins.find(name);
    shown[name] = {{"value", text}, {"origin", origin == config.origins.end() ? "default" : origin->second}};
  }
  fmt::print("{}\n", json::serialize(shown));
  return exit_code::ok;
}

outcome<exit_code> run_config_check(const global_options&, const node_options& options, const std::filesystem::path& program) {
  TROUPE_TRY(const auto config, load_config(options, program));
  std::fputs(fmt::format("troupe: {} is fine ({} of {} keys set)\n",
                         options.config_file.empty() ? "the configuration" : options.config_file,
                         std::count_if(config.origins.begin(), config.origins.end(),
                                       [](const auto& each) { return each.second != "automatic"; }),
                         all_keys(config.values).size())
                 .c_str(),
             stderr);
  return exit_code::ok;
}

}  // namespace troupe::cli
