#include "cli/config.hpp"

#include "base/error.hpp"
#include "cli/config_keys.hpp"
#include "cli/suggest.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <thread>

namespace troupe::cli {
namespace {

using detail::config_key;
using detail::config_keys;

constexpr std::size_t text_bytes_most = 1u << 20;  // no configuration is longer; yaml-cpp would read anything

const config_key* find_key(std::string_view name) {
  const auto& keys = config_keys();
  const auto found = std::find_if(keys.begin(), keys.end(), [name](const auto& key) { return key.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

std::vector<std::string> names_of_keys() {
  std::vector<std::string> names;
  for (const auto& key : config_keys()) names.push_back(key.name);
  return names;
}

bool is_group(const std::string& name) {
  return std::any_of(config_keys().begin(), config_keys().end(),
                     [&](const auto& key) { return key.name.starts_with(name + "."); });
}

outcome<void> set_values(const config_key& key, const std::vector<std::string>& given, const std::string& origin,
                         loaded_config& config) {
  const bool one_value = key.list || given.size() == 1;
  if (!one_value || !key.set(config.values, given)) {
    return failure{exit_code::usage, fmt::format("{}: {}: '{}' is not accepted; it takes {}", origin, key.name,
                                                 fmt::join(given, ", "), key.accepted)};
  }
  config.origins[key.name] = origin;
  return {};
}

/// Walks a parsed file. Throws what yaml-cpp throws.
class yaml_reader {
 public:
  yaml_reader(const std::string& file, loaded_config& config) : file_(file), config_(config) {}

  outcome<void> read(const YAML::Node& node, const std::string& prefix) {
    if (node.IsNull()) return {};
    if (!node.IsMap())
      return fault(node, prefix.empty() ? "keys and values are expected" : fmt::format("{} takes keys and values", prefix));
    for (const auto& entry : node) {
      const auto name = prefix.empty() ? entry.first.Scalar() : prefix + "." + entry.first.Scalar();
      if (!seen_.insert(name).second) return fault(entry.first, fmt::format("{} stands here for the second time", name));
      if (const auto* key = find_key(name)) {
        TROUPE_CHECK(take(*key, entry.first, entry.second));
      } else if (is_group(name)) {
        TROUPE_CHECK(read(entry.second, name));
      } else {
        return fault(entry.first, fmt::format("there is no key {}; {}", name, hint_for(name, names_of_keys())));
      }
    }
    return {};
  }

 private:
  outcome<void> take(const config_key& key, const YAML::Node& at, const YAML::Node& node) {
    std::vector<std::string> given;
    if (node.IsScalar()) given.push_back(node.Scalar());
    if (node.IsSequence()) {
      for (const auto& each : node) {
        if (!each.IsScalar()) return fault(at, fmt::format("{} takes {}", key.name, key.accepted));
        given.push_back(each.Scalar());
      }
    }
    if (node.IsMap() || node.IsNull() || node.IsSequence() != key.list)
      return fault(at, fmt::format("{} takes {}", key.name, key.accepted));
    return set_values(key, given, where(at), config_);
  }

  [[nodiscard]] std::string where(const YAML::Node& node) const { return fmt::format("{}:{}", file_, node.Mark().line + 1); }
  [[nodiscard]] failure fault(const YAML::Node& node, const std::string& what) const {
    return {exit_code::usage, fmt::format("{}: {}", where(node), what)};
  }

  const std::string& file_;
  loaded_config& config_;
  std::set<std::string> seen_;
};

}  // namespace

outcome<void> read_yaml(std::string_view text, const std::string& file, loaded_config& config) {
  if (text.size() > text_bytes_most) return failure{exit_code::usage, fmt::format("{}: longer than 1 MiB", file)};
  try {
    return yaml_reader{file, config}.read(YAML::Load(std::string{text}), "");
  } catch (const YAML::Exception& wrong) {
    return failure{exit_code::usage, fmt::format("{}:{}:{}: {}", file, wrong.mark.line + 1, wrong.mark.column + 1, wrong.msg)};
  }
}

outcome<void> set_key(std::string_view name, const std::string& text, const std::string& origin, loaded_config& config) {
  const auto* key = find_key(name);
  if (!key)
    return failure{exit_code::usage, fmt::format("{}: there is no key {}; {}", origin, name, hint_for(name, names_of_keys()))};
  std::vector<std::string> given;
  if (!key->list) given.push_back(text);
  for (std::size_t from = 0; key->list && from < text.size();) {
    const auto comma = std::min(text.find(',', from), text.size());
    given.push_back(text.substr(from, comma - from));
    from = comma + 1;
  }
  return set_values(*key, given, origin, config);
}

outcome<void> check_together(const node_config& config) {
  if (config.artifacts.grace_least > config.artifacts.grace) {
    return failure{exit_code::usage, "artifacts.grace_least: it is what artifacts.grace is shortened to, and cannot be longer"};
  }
  if (config.lease.heartbeat * 3 > config.lease.lease_time) {
    return failure{exit_code::usage,
                   "lease.heartbeat: three heartbeats must fit into lease.duration, or one late message costs a running task"};
  }
  return {};
}

/// Of the machine, or of the control group that this process is in.
bytes memory_here() {
  auto most = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::ifstream group{"/sys/fs/cgroup/memory.max"};  // "max", where there is no limit
  if (std::uint64_t limit = 0; group >> limit) most = std::min(most, limit);
  return bytes{most};
}

void fill_automatic(loaded_config& config, const std::filesystem::path& program) {
  auto& values = config.values;
  const auto mark = [&config](std::string_view key) { config.origins.insert_or_assign(std::string{key}, "automatic"); };
  if (values.slots == 0) {
    values.slots = std::clamp(std::thread::hardware_concurrency(), 1u, 256u);
    mark("slots");
  }
  const auto folder = program.parent_path();
  if (values.worker_program.empty()) {
    values.worker_program = folder / "troupe-worker";
    mark("worker_program");
  }
  if (values.devices.worker_program.empty()) {
    values.devices.worker_program = folder / "troupe-worker-cuda";
    mark("devices.worker_program");
  }
  if (values.models.directory.empty()) {
    values.models.directory = values.data_directory / "models";
    mark("models.directory");
  }
  if (values.scaling.directory.empty()) {
    values.scaling.directory = values.data_directory / "fleet";
    mark("scaling.directory");
  }
  if (values.memory.budget == bytes{0}) {
    values.memory.budget = std::max(64_MiB, bytes{memory_here().count() / 4 * 3});
    mark("memory.budget");
  }
  if (values.pipelines_directory.empty()) {
    const auto installed = folder.parent_path() / "share" / "troupe" / "pipelines";
    values.pipelines_directory =
        std::filesystem::is_directory(installed) ? installed : std::filesystem::path{"./config/pipelines"};
    mark("pipelines_directory");
  }
}

std::vector<std::pair<std::string, std::string>> all_keys(const node_config& config) {
  std::vector<std::pair<std::string, std::string>> keys;
  for (const auto& key : config_keys()) keys.emplace_back(key.name, key.text(config));
  return keys;
}

}  // namespace troupe::cli
