#pragma once

#include "base/log.hpp"
#include "base/units.hpp"
#include "cli/failure.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// A node's configuration: one value for each key of config/node.yaml, which says what each is for. The defaults stand here and
// there; a test holds them equal.
namespace troupe::cli {

struct node_config {
  std::filesystem::path data_directory = "./troupe-data";
  std::string listen = "127.0.0.1:8080";
  std::uint32_t slots = 0;  ///< 0 until `fill_automatic`: the number of processors
  std::vector<std::string> labels;
  std::filesystem::path pipelines_directory;  ///< empty until `fill_automatic`
  std::filesystem::path worker_program;       ///< empty until `fill_automatic`
  log::level log_level = log::level::info;

  struct {
    std::string domain;  ///< empty: the node stands alone
    bool stores = true, works = true;
  } node;

  struct {
    std::vector<std::string> seeds;  ///< "host:port"
    std::string advertise;           ///< "host:port"; empty: where it listens
    std::uint32_t voters = 3;
    std::uint32_t shards = 0;  ///< 0: as the cluster was begun; one where it begins
    duration replace_after = 60s;
    std::uint32_t version_most = 0;  ///< 0: what this program reads
  } cluster;
  struct {
    std::filesystem::path ca_directory;  ///< empty: this node signs nothing
    std::vector<std::string> names;      ///< further ones in this node's certificate
    duration lifetime = std::chrono::hours{24 * 90};
  } tls;
  struct {
    bool loopback = false;  ///< this machine's programs need HTTPS and the key, too
  } auth;
  std::string join_token;  ///< a secret, so it is no key; "": none
  struct {
    std::uint64_t limit = 10'000;  ///< jobs that have not ended
    duration ageing = 10min;       ///< a waiting job gains a priority step each
  } queue;
  struct {
    duration finished = 24h;
    duration dead = std::chrono::hours{24 * 14};
  } retention;
  struct {
    std::uint32_t node_lost_most = 20;
  } retry;
  struct {
    duration lease_time = 4s;  ///< lease.duration
    duration heartbeat = 1s;
  } lease;
  struct {
    std::uint64_t compact_every = 50'000;  ///< log entries
    bytes write_buffer = 64_MiB;
    bytes block_cache = 64_MiB;
  } journal;
  struct {
    bytes keep_free = 256_MiB;  ///< uploads are refused and attempts end before the journal has no room
    bytes ballast = 64_MiB;     ///< 0: none
  } disk;
  struct {
    duration grace = 24h;
    duration grace_least = 10min;
    duration repair_after = 5min;
  } artifacts;
  struct {
    std::filesystem::path directory;  ///< empty until `fill_automatic`
    bool is_simulated = false;        ///< models.executor
    std::uint32_t simulated_gflops = 100;
  } models;
  struct {
    std::string policy;  ///< empty: nodes do not follow the load
    std::string environment = "production";
    duration every = 5s;
    std::string provider = "local";
    std::filesystem::path directory;  ///< empty until `fill_automatic`
    std::vector<std::string> labels, arguments, command;
    duration command_time = 1min;
    duration works_within = 5min;
    struct {
      std::string url, name_space, workload;  ///< empty: of the pod in which the node runs; a workload has no such default
      std::filesystem::path token_file, ca;   ///< the same
      duration time = 10s;
    } kubernetes;
    struct {
      std::string url;           ///< empty: there is none
      std::filesystem::path ca;  ///< empty: the machine's own authorities
      duration time = 2s;
    } prometheus;
  } scaling;
  struct {
    bytes budget{};  ///< that the slots share; 0 until `fill_automatic`
  } memory;
  struct {
    bool are_used = true;  ///< devices.use
    std::filesystem::path library = "libnvidia-ml.so.1";
    std::filesystem::path worker_program;  ///< empty until `fill_automatic`
    std::uint32_t slots = 2;               ///< on each
    bytes reserve = 1_GiB;
    duration every = 1s;
    std::uint32_t faults_most = 3;
    duration faults_within = 1h;
    std::vector<std::string> simulated;  ///< see `simulated_from`
  } devices;
  struct {
    std::uint32_t niceness = 10;
    std::uint32_t recycle_after_tasks = 1000;
    bytes memory_growth_limit = 1_GiB;
    bytes stderr_head = 8_KiB;
    bytes stderr_tail = 8_KiB;
    duration kill_grace = 2s;
    duration start_timeout = 10s;
    bytes scratch_quota = 20_GiB;
  } worker;
  struct {
    std::uint32_t threads = 2;
    bytes body_limit = 1_MiB;
    bytes upload_limit = 4_GiB;
    std::uint32_t connections_most = 1'024;
    duration request_timeout = 30s;
    bytes sse_buffer = 256_KiB;
  } http;
  struct {
    bool counters = true;  ///< of the messages of each actor
  } inspector;
  struct {
    duration deadline = 10s;
  } stop;
};

/// A configuration and where each value came from: "default", "node.yaml:12", "--set", "--slots", "automatic".
struct loaded_config {
  node_config values;
  std::map<std::string, std::string, std::less<>> origins;
};

/// A device that is not there, as `devices.simulated` names it: "NAME:MEMORY" or "NAME:MEMORY:GFLOPS".
struct simulated_spec {
  std::string name;
  bytes memory;
  std::uint32_t gflops = 100;
};
[[nodiscard]] std::optional<simulated_spec> simulated_from(std::string_view text);

/// Reads YAML into `config`. @param file  for messages. @returns `usage` with "file:line: what is wrong; what is accepted".
[[nodiscard]] outcome<void> read_yaml(std::string_view text, const std::string& file, loaded_config& config);
/// Sets one key from text; lists are separated by commas.
[[nodiscard]] outcome<void> set_key(std::string_view key, const std::string& text, const std::string& origin,
                                    loaded_config& config);
/// Looks at what single keys cannot see: that a heartbeat fits into a lease.
[[nodiscard]] outcome<void> check_together(const node_config& config);
/// Fills in what depends on this machine.
/// @param program  this executable: workers and pipelines are installed beside it.
void fill_automatic(loaded_config& config, const std::filesystem::path& program);

/// All keys with the text of their value in `config`, in the order of config/node.yaml. Lists are "[a, b]"; what is not filled in
/// is "auto".
[[nodiscard]] std::vector<std::pair<std::string, std::string>> all_keys(const node_config& config);

}  // namespace troupe::cli
