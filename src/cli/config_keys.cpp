#include "cli/config_keys.hpp"

#include "cli/units_text.hpp"
#include "http/auth/certificates.hpp"
#include "model/cluster_version.hpp"
#include "model/shard_map.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

namespace troupe::cli::detail {
namespace {

using values = std::vector<std::string>;
constexpr std::string_view automatic = "auto";

/// A reference into a configuration, for reading and for writing: `at([](auto& c) -> auto& { return c.queue.limit; })`.
template <class Member>
config_key duration_key(std::string name, duration least, duration most, Member member) {
  return {std::move(name), false, fmt::format("a duration, {} to {}", format_duration(least), format_duration(most)),
          [=](node_config& config, const values& given) {
            const auto parsed = parse_duration(given.front());
            if (!parsed || *parsed < least || *parsed > most) return false;
            member(config) = *parsed;
            return true;
          },
          [=](const node_config& config) { return format_duration(member(config)); }};
}

template <class Member>
config_key size_key(std::string name, bytes least, bytes most, Member member) {
  return {std::move(name), false, fmt::format("a size, {} to {}", format_size(least), format_size(most)),
          [=](node_config& config, const values& given) {
            const auto parsed = parse_size(given.front());
            if (!parsed || *parsed < least || *parsed > most) return false;
            member(config) = *parsed;
            return true;
          },
          [=](const node_config& config) { return format_size(member(config)); }};
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

template <class Member>
config_key number_key(std::string name, std::string_view unit, std::uint64_t least, std::uint64_t most, Member member) {
  return {std::move(name), false, fmt::format("a whole number of {}, {} to {}", unit, least, most),
          [=](node_config& config, const values& given) {
            const auto parsed = whole_number(given.front());
            if (!parsed || *parsed < least || *parsed > most) return false;
            member(config) = static_cast<std::remove_reference_t<decltype(member(config))>>(*parsed);
            return true;
          },
          [=](const node_config& config) { return fmt::format("{}", member(config)); }};
}

template <class Member>
config_key path_key(std::string name, std::string_view without, Member member) {
  const bool may_be_automatic = !without.empty();
  return {std::move(name), false, may_be_automatic ? fmt::format("a path, or {}", without) : "a path",
          [=](node_config& config, const values& given) {
            if (given.front().empty()) return false;
            if (may_be_automatic && given.front() == without)
              member(config).clear();
            else
              member(config) = given.front();
            return true;
          },
          [=](const node_config& config) { return member(config).empty() ? std::string{without} : member(config).string(); }};
}

/// Splits "host:port"; an IPv6 host stands in brackets. @returns nothing if the port is none.
std::optional<std::pair<std::string_view, std::uint64_t>> split_address(std::string_view listen) {
  const auto colon = listen.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  const auto port = whole_number(listen.substr(colon + 1));
  const auto host = listen.substr(0, colon);
  const bool bare_ipv6 = host.find(':') != std::string_view::npos && host.front() != '[';
  if (!port || *port > 65535 || bare_ipv6) return std::nullopt;
  return std::pair{host, *port};
}

bool is_label(const std::string& text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  return !text.empty() && text.size() <= 63 && std::all_of(text.begin(), text.end(), allowed);
}

config_key slots_key() {
  return {"slots", false, "a whole number of tasks at once, 1 to 256, or auto",
          [](node_config& config, const values& given) {
            if (given.front() == automatic) return config.slots = 0, true;
            const auto parsed = whole_number(given.front());
            if (!parsed || *parsed < 1 || *parsed > 256) return false;
            config.slots = static_cast<std::uint32_t>(*parsed);
            return true;
          },
          [](const node_config& config) { return config.slots == 0 ? std::string{automatic} : fmt::format("{}", config.slots); }};
}

config_key listen_key() {
  return {"listen", false, "HOST:PORT, port 0 to 65535 (0: any free one); an IPv6 host in brackets",
          [](node_config& config, const values& given) {
            if (!split_address(given.front())) return false;
            config.listen = given.front();
            return true;
          },
          [](const node_config& config) { return config.listen; }};
}

config_key labels_key() {
  return {"labels", true, "a list of at most 64 labels, each 1 to 63 letters, digits, '-', '_', '.'",
          [](node_config& config, const values& given) {
            if (given.size() > 64 || !std::all_of(given.begin(), given.end(), is_label)) return false;
            config.labels = given;
            return true;
          },
          [](const node_config& config) { return fmt::format("[{}]", fmt::join(config.labels, ", ")); }};
}

config_key domain_key() {
  return {"node.domain", false, "1 to 63 letters, digits, '-', '_', '.'; or auto: the node stands alone",
          [](node_config& config, const values& given) {
            if (given.front() == automatic) return config.node.domain.clear(), true;
            if (!is_label(given.front())) return false;
            config.node.domain = given.front();
            return true;
          },
          [](const node_config& config) { return config.node.domain.empty() ? std::string{automatic} : config.node.domain; }};
}

config_key roles_key() {
  return {"node.roles", true, "store, work, or both",
          [](node_config& config, const values& given) {
            const auto is_role = [](const std::string& role) { return role == "store" || role == "work"; };
            if (given.empty() || !std::ranges::all_of(given, is_role)) return false;
            config.node.stores = std::ranges::count(given, "store") > 0;
            config.node.works = std::ranges::count(given, "work") > 0;
            return true;
          },
          [](const node_config& config) {
            return std::string{!config.node.works ? "[store]" : config.node.stores ? "[store, work]" : "[work]"};
          }};
}

config_key seeds_key() {
  return {"cluster.seeds", true, "a list of at most 16 nodes, each HOST:PORT, port 1 to 65535",
          [](node_config& config, const values& given) {
            const auto is_seed = [](const std::string& text) {
              const auto address = split_address(text);
              return address && address->second > 0;
            };
            if (given.size() > 16 || !std::all_of(given.begin(), given.end(), is_seed)) return false;
            config.cluster.seeds = given;
            return true;
          },
          [](const node_config& config) { return fmt::format("[{}]", fmt::join(config.cluster.seeds, ", ")); }};
}

config_key advertise_key() {
  return {"cluster.advertise", false, "HOST:PORT, port 1 to 65535; an IPv6 host in brackets; or auto",
          [](node_config& config, const values& given) {
            if (given.front() == automatic) return config.cluster.advertise.clear(), true;
            const auto address = split_address(given.front());
            if (!address || address->second == 0) return false;
            config.cluster.advertise = given.front();
            return true;
          },
          [](const node_config& config) {
            return config.cluster.advertise.empty() ? std::string{automatic} : config.cluster.advertise;
          }};
}

config_key names_key() {
  return {"tls.names", true, "a list of at most 16 host names or IP addresses",
          [](node_config& config, const values& given) {
            if (given.size() > 16 || !std::all_of(given.begin(), given.end(), auth::is_certificate_name)) return false;
            config.tls.names = given;
            return true;
          },
          [](const node_config& config) { return fmt::format("[{}]", fmt::join(config.tls.names, ", ")); }};
}

template <class Member>
config_key flag_key(std::string name, Member member) {
  return {std::move(name), false, "true or false",
          [=](node_config& config, const values& given) {
            if (given.front() != "true" && given.front() != "false") return false;
            member(config) = given.front() == "true";
            return true;
          },
          [=](const node_config& config) { return std::string{member(config) ? "true" : "false"}; }};
}

config_key voters_key() {
  return {"cluster.voters", false, "an odd number of voters, 1 to 7",
          [](node_config& config, const values& given) {
            const auto parsed = whole_number(given.front());
            if (!parsed || *parsed > 7 || *parsed % 2 == 0) return false;
            config.cluster.voters = static_cast<std::uint32_t>(*parsed);
            return true;
          },
          [](const node_config& config) { return fmt::format("{}", config.cluster.voters); }};
}

config_key shards_key() {
  return {"cluster.shards", false, fmt::format("a whole number of shards, 1 to {}, or auto", model::shard_map::shards_most),
          [](node_config& config, const values& given) {
            if (given.front() == automatic) return config.cluster.shards = 0, true;
            const auto parsed = whole_number(given.front());
            if (!parsed || *parsed < 1 || *parsed > model::shard_map::shards_most) return false;
            config.cluster.shards = static_cast<std::uint32_t>(*parsed);
            return true;
          },
          [](const node_config& config) {
            return config.cluster.shards == 0 ? std::string{automatic} : fmt::format("{}", config.cluster.shards);
          }};
}

config_key version_key() {
  return {"cluster.version_most", false,
          fmt::format("a version of the log's commands, 1 to {}, or auto", model::own_versions.most),
          [](node_config& config, const values& given) {
            if (given.front() == automatic) return config.cluster.version_most = 0, true;
            const auto parsed = whole_number(given.front());
            if (!parsed || !model::own_versions.has(static_cast<std::uint32_t>(*parsed))) return false;
            config.cluster.version_most = static_cast<std::uint32_t>(*parsed);
            return true;
          },
          [](const node_config& config) {
            return config.cluster.version_most == 0 ? std::string{automatic} : fmt::format("{}", config.cluster.version_most);
          }};
}

config_key executor_key() {
  return {"models.executor", false, "processor or simulated",
          [](node_config& config, const values& given) {
            if (given.front() != "processor" && given.front() != "simulated") return false;
            config.models.is_simulated = given.front() == "simulated";
            return true;
          },
          [](const node_config& config) { return std::string{config.models.is_simulated ? "simulated" : "processor"}; }};
}

config_key memory_key() {
  return {"memory.budget", false, "a size, 64MiB to 64TiB, or auto",
          [](node_config& config, const values& given) {
            if (given.front() == automatic) return config.memory.budget = bytes{0}, true;
            const auto parsed = parse_size(given.front());
            if (!parsed || *parsed < 64_MiB || *parsed > bytes{std::uint64_t{64} << 40}) return false;
            config.memory.budget = *parsed;
            return true;
          },
          [](const node_config& config) {
            return config.memory.budget == bytes{0} ? std::string{automatic} : format_size(config.memory.budget);
          }};
}

config_key devices_key() {
  return {"devices.use", false, "auto or none",
          [](node_config& config, const values& given) {
            if (given.front() != automatic && given.front() != "none") return false;
            config.devices.are_used = given.front() == automatic;
            return true;
          },
          [](const node_config& config) { return std::string{config.devices.are_used ? automatic : "none"}; }};
}

config_key simulated_devices_key() {
  return {"devices.simulated", true, "a list of at most 16 devices of different names, each NAME:MEMORY or NAME:MEMORY:GFLOPS",
          [](node_config& config, const values& given) {
            std::set<std::string> names;
            for (const auto& text : given) {
              const auto one = simulated_from(text);
              if (!one || !names.insert(one->name).second) return false;
            }
            if (given.size() > 16) return false;
            config.devices.simulated = given;
            return true;
          },
          [](const node_config& config) { return fmt::format("[{}]", fmt::join(config.devices.simulated, ", ")); }};
}

config_key policy_key() {
  return {"scaling.policy", false, "a policy file, the name of a shipped policy, or none",
          [](node_config& config, const values& given) {
            if (given.front().empty()) return false;
            config.scaling.policy = given.front() == "none" ? "" : given.front();
            return true;
          },
          [](const node_config& config) { return config.scaling.policy.empty() ? std::string{"none"} : config.scaling.policy; }};
}

config_key environment_key() {
  return {"scaling.environment", false, "1 to 63 letters, digits, '-', '_', '.'",
          [](node_config& config, const values& given) {
            if (!is_label(given.front())) return false;
            config.scaling.environment = given.front();
            return true;
          },
          [](const node_config& config) { return config.scaling.environment; }};
}

config_key provider_key() {
  return {"scaling.provider", false, "local, exec or kubernetes",
          [](node_config& config, const values& given) {
            const auto& name = given.front();
            if (name != "local" && name != "exec" && name != "kubernetes") return false;
            config.scaling.provider = given.front();
            return true;
          },
          [](const node_config& config) { return config.scaling.provider; }};
}

template <class Member>
config_key words_key(std::string name, Member member) {
  return {std::move(name), true, "a list of at most 64 words",
          [=](node_config& config, const values& given) {
            if (given.size() > 64) return false;
            member(config) = given;
            return true;
          },
          [=](const node_config& config) { return fmt::format("[{}]", fmt::join(member(config), ", ")); }};
}

/// A text that may be left to the node, or to nobody.
template <class Member>
config_key text_key(std::string name, std::string_view what, std::string_view without, Member member) {
  return {std::move(name), false, fmt::format("{}, or {}", what, without),
          [=](node_config& config, const values& given) {
            if (given.front().empty()) return false;
            member(config) = given.front() == without ? "" : given.front();
            return true;
          },
          [=](const node_config& config) { return member(config).empty() ? std::string{without} : member(config); }};
}

config_key log_level_key() {
  static constexpr std::array<std::string_view, 4> names{"debug", "info", "warn", "error"};
  return {"log_level", false, "debug, info, warn or error",
          [](node_config& config, const values& given) {
            const auto found = std::find(names.begin(), names.end(), given.front());
            if (found == names.end()) return false;
            config.log_level = static_cast<log::level>(found - names.begin());
            return true;
          },
          [](const node_config& config) { return std::string{names[static_cast<std::size_t>(config.log_level)]}; }};
}

#define AT(member) \
  [](auto& config) -> auto& { return config.member; }

void add_lasting_keys(std::vector<config_key>& keys) {
  keys.push_back(number_key("queue.limit", "jobs", 1, 10'000'000, AT(queue.limit)));
  keys.push_back(duration_key("queue.ageing", 1s, 24h, AT(queue.ageing)));
  keys.push_back(duration_key("retention.finished", 1min, std::chrono::hours{24 * 365}, AT(retention.finished)));
  keys.push_back(duration_key("retention.dead", 1min, std::chrono::hours{24 * 365}, AT(retention.dead)));
  keys.push_back(number_key("retry.node_lost_most", "tries", 1, 1'000, AT(retry.node_lost_most)));
  keys.push_back(duration_key("lease.duration", 1s, 10min, AT(lease.lease_time)));
  keys.push_back(duration_key("lease.heartbeat", 100ms, 1min, AT(lease.heartbeat)));
  keys.push_back(number_key("journal.compact_every", "log entries", 100, 100'000'000, AT(journal.compact_every)));
  keys.push_back(size_key("journal.write_buffer", 1_MiB, 4_GiB, AT(journal.write_buffer)));
  keys.push_back(size_key("journal.block_cache", 1_MiB, 64_GiB, AT(journal.block_cache)));
  keys.push_back(size_key("disk.keep_free", bytes{0}, bytes{1ull << 40}, AT(disk.keep_free)));
  keys.push_back(size_key("disk.ballast", bytes{0}, 64_GiB, AT(disk.ballast)));
  keys.push_back(duration_key("artifacts.grace", 30s, std::chrono::hours{24 * 365}, AT(artifacts.grace)));
  keys.push_back(duration_key("artifacts.grace_least", 30s, std::chrono::hours{24 * 365}, AT(artifacts.grace_least)));
  keys.push_back(duration_key("artifacts.repair_after", 1s, 24h, AT(artifacts.repair_after)));
}

void add_device_keys(std::vector<config_key>& keys) {
  keys.push_back(devices_key());
  keys.push_back(path_key("devices.library", "", AT(devices.library)));
  keys.push_back(path_key("devices.worker_program", automatic, AT(devices.worker_program)));
  keys.push_back(number_key("devices.slots", "slots", 1, 16, AT(devices.slots)));
  keys.push_back(size_key("devices.reserve", bytes{0}, 64_GiB, AT(devices.reserve)));
  keys.push_back(duration_key("devices.every", 100ms, 1min, AT(devices.every)));
  keys.push_back(number_key("devices.faults_most", "faults", 1, 1'000, AT(devices.faults_most)));
  keys.push_back(duration_key("devices.faults_within", 1s, std::chrono::hours{24 * 30}, AT(devices.faults_within)));
  keys.push_back(simulated_devices_key());
}

void add_serving_keys(std::vector<config_key>& keys) {
  keys.push_back(path_key("models.directory", automatic, AT(models.directory)));
  keys.push_back(executor_key());
  keys.push_back(number_key("models.simulated_gflops", "GFLOP/s", 1, 1'000'000'000, AT(models.simulated_gflops)));
  keys.push_back(memory_key());
  keys.push_back(policy_key());
  keys.push_back(environment_key());
  keys.push_back(duration_key("scaling.every", 1s, 10min, AT(scaling.every)));
  keys.push_back(provider_key());
  keys.push_back(path_key("scaling.directory", automatic, AT(scaling.directory)));
  keys.push_back(words_key("scaling.labels", AT(scaling.labels)));
  keys.push_back(words_key("scaling.arguments", AT(scaling.arguments)));
  keys.push_back(words_key("scaling.command", AT(scaling.command)));
  keys.push_back(duration_key("scaling.command_time", 1s, 10min, AT(scaling.command_time)));
  keys.push_back(duration_key("scaling.works_within", 10s, 24h, AT(scaling.works_within)));
  keys.push_back(text_key("scaling.kubernetes.url", "https://HOST:PORT", automatic, AT(scaling.kubernetes.url)));
  keys.push_back(text_key("scaling.kubernetes.namespace", "a name", automatic, AT(scaling.kubernetes.name_space)));
  keys.push_back(text_key("scaling.kubernetes.workload", "deployment/NAME", "none", AT(scaling.kubernetes.workload)));
  keys.push_back(path_key("scaling.kubernetes.token_file", automatic, AT(scaling.kubernetes.token_file)));
  keys.push_back(path_key("scaling.kubernetes.ca", automatic, AT(scaling.kubernetes.ca)));
  keys.push_back(duration_key("scaling.kubernetes.time", 1s, 1min, AT(scaling.kubernetes.time)));
  keys.push_back(text_key("scaling.prometheus.url", "http://HOST:PORT or https://HOST:PORT", "none", AT(scaling.prometheus.url)));
  keys.push_back(path_key("scaling.prometheus.ca", automatic, AT(scaling.prometheus.ca)));
  keys.push_back(duration_key("scaling.prometheus.time", 100ms, 30s, AT(scaling.prometheus.time)));
  keys.push_back(number_key("worker.niceness", "steps", 0, 19, AT(worker.niceness)));
  keys.push_back(number_key("worker.recycle_after_tasks", "tasks", 1, 1'000'000, AT(worker.recycle_after_tasks)));
  keys.push_back(size_key("worker.memory_growth_limit", 16_MiB, bytes{1ull << 40}, AT(worker.memory_growth_limit)));
  keys.push_back(size_key("worker.stderr_head", bytes{0}, 8_KiB, AT(worker.stderr_head)));
  keys.push_back(size_key("worker.stderr_tail", bytes{0}, 8_KiB, AT(worker.stderr_tail)));
  keys.push_back(duration_key("worker.kill_grace", 0ms, 5min, AT(worker.kill_grace)));
  keys.push_back(duration_key("worker.start_timeout", 1s, 10min, AT(worker.start_timeout)));
  keys.push_back(size_key("worker.scratch_quota", 1_MiB, bytes{100ull << 40}, AT(worker.scratch_quota)));
  keys.push_back(number_key("http.threads", "threads", 1, 64, AT(http.threads)));
  keys.push_back(size_key("http.body_limit", 1_KiB, 64_MiB, AT(http.body_limit)));
  keys.push_back(size_key("http.upload_limit", 1_KiB, bytes{1ull << 40}, AT(http.upload_limit)));
  keys.push_back(number_key("http.connections_most", "connections", 1, 1'000'000, AT(http.connections_most)));
  keys.push_back(duration_key("http.request_timeout", 1s, 1h, AT(http.request_timeout)));
  keys.push_back(size_key("http.sse_buffer", 4_KiB, 64_MiB, AT(http.sse_buffer)));
  keys.push_back(duration_key("stop.deadline", 0ms, 1h, AT(stop.deadline)));
}

std::vector<config_key> make_keys() {
  std::vector<config_key> keys;
  keys.push_back(path_key("data_directory", "", AT(data_directory)));
  keys.push_back(listen_key());
  keys.push_back(slots_key());
  keys.push_back(labels_key());
  keys.push_back(path_key("pipelines_directory", automatic, AT(pipelines_directory)));
  keys.push_back(path_key("worker_program", automatic, AT(worker_program)));
  keys.push_back(log_level_key());
  keys.push_back(domain_key());
  keys.push_back(roles_key());
  keys.push_back(seeds_key());
  keys.push_back(advertise_key());
  keys.push_back(voters_key());
  keys.push_back(shards_key());
  keys.push_back(duration_key("cluster.replace_after", 5s, 24h, AT(cluster.replace_after)));
  keys.push_back(version_key());
  keys.push_back(path_key("tls.ca_directory", "none", AT(tls.ca_directory)));
  keys.push_back(names_key());
  keys.push_back(duration_key("tls.lifetime", 10s, std::chrono::hours{24 * 365}, AT(tls.lifetime)));
  keys.push_back(flag_key("auth.loopback", AT(auth.loopback)));
  keys.push_back(flag_key("inspector.counters", AT(inspector.counters)));
  add_lasting_keys(keys);
  add_device_keys(keys);
  add_serving_keys(keys);
  return keys;
}

#undef AT

}  // namespace

const std::vector<config_key>& config_keys() {
  static const auto keys = make_keys();
  return keys;
}

}  // namespace troupe::cli::detail

namespace troupe::cli {

std::optional<simulated_spec> simulated_from(std::string_view text) {
  const auto first = text.find(':');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = std::min(text.find(':', first + 1), text.size());
  simulated_spec made{std::string{text.substr(0, first)}, {}};
  const auto memory = parse_size(text.substr(first + 1, second - first - 1));
  if (!detail::is_label(made.name) || !memory || *memory < 64_MiB) return std::nullopt;
  made.memory = *memory;
  if (second == text.size()) return made;
  const auto speed = detail::whole_number(text.substr(second + 1));
  if (!speed || *speed < 1 || *speed > 1'000'000'000) return std::nullopt;
  made.gflops = static_cast<std::uint32_t>(*speed);
  return made;
}

}  // namespace troupe::cli
