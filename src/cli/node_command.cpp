#include "cli/node_command.hpp"

#include "actors/job_ends.hpp"
#include "actors/node.hpp"
#include "base/log.hpp"
#include "cli/artifact_keeper.hpp"
#include "cli/cluster_edge.hpp"
#include "cli/device_keeper.hpp"
#include "cli/device_use.hpp"
#include "cli/model_watch.hpp"
#include "cli/node_identity.hpp"
#include "cli/node_metrics.hpp"
#include "cli/openmp.hpp"
#include "cli/pipelines_directory.hpp"
#include "cli/random_number.hpp"
#include "cli/scaling_setup.hpp"
#include "http/http.hpp"
#include "http/inspection/inspection.hpp"
#include "http/peer_artifacts.hpp"
#include "persistence/artifacts/artifact_store.hpp"
#include "persistence/disk/ballast.hpp"
#include "persistence/journal/data_directory.hpp"
#include "persistence/journal/journal.hpp"
#include "worker/host/host.hpp"
#include "worker/host/memory_desk.hpp"
#include "worker/host/peak_book.hpp"

#include <fmt/format.h>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <thread>

namespace troupe::cli {
namespace {

// Exit statuses as docs/operations.md has them.
constexpr int exit_ok = 0, exit_cannot_start = 7, exit_must_not_go_on = 5;

/// The node cannot keep its promises any more. Ends the process at once: what was acknowledged is on the disk.
void die(disk::ballast& ballast, const error& why) {
  if (why.code == errc::no_space) ballast.give_up();  // the next start needs room to read the journal
  std::fprintf(stderr, "troupe node: stopped: %s\n", to_string(why).c_str());
  std::_Exit(exit_must_not_go_on);
}

struct listen_address {
  std::string host;
  std::uint16_t port = 0;
};

/// "127.0.0.1:8080", "[::1]:0"; checked by the configuration before.
listen_address split_address(const std::string& listen) {
  const auto colon = listen.rfind(':');
  auto host = listen.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  return {std::move(host), static_cast<std::uint16_t>(std::stoul(listen.substr(colon + 1)))};
}

bool is_every_address(const std::string& host) { return host == "0.0.0.0" || host == "::"; }

/// Which versions of the log's commands.
model::version_range reads_of(const node_config& config) {
  auto reads = model::own_versions;
  if (config.cluster.version_most != 0) reads.most = config.cluster.version_most;
  return reads;
}

/// What it says of itself when a link opens.
model::ports::node_card card_of(const node_config& config, const journal::data_directory& directory, const std::string& address) {
  const auto& start = directory.start();
  return {directory.node(), start.boot,       directory.cluster()->id,     address,
          start.mark,       reads_of(config), directory.cluster()->shards, start.earlier_marks};
}

actors::node_options actor_options(const node_config& config, const journal::data_directory& directory,
                                   const device_keeper& devices, std::string address) {
  actors::node_options options;
  options.id = directory.node();
  const auto& start = directory.start();
  options.boot = start.boot;
  options.slots = config.node.works ? static_cast<std::uint16_t>(config.slots) : 0;
  options.labels = config.labels;
  std::sort(options.labels.begin(), options.labels.end());
  options.threads_per_slot = std::max(1u, std::thread::hardware_concurrency());
  options.memory = config.memory.budget;
  if (config.node.works) devices.add_slots(options);
  options.report_every = config.lease.heartbeat;
  options.worker_start_timeout = config.worker.start_timeout;
  options.counts_messages = config.inspector.counters;
  options.replica.shards = model::shard_map{directory.cluster()->shards};
  options.replica.raft.self = raft::server_id{directory.node().raw()};
  options.replica.raft.random_seed = random_number();
  options.replica.node = directory.node();
  options.replica.boot = start.boot;
  options.replica.mark = start.mark;
  options.replica.earlier_marks = start.earlier_marks;
  options.replica.address = std::move(address);
  options.replica.voters_most = config.cluster.voters;
  options.replica.replace_after = config.cluster.replace_after;
  options.replica.traits.program = TROUPE_VERSION;
  options.replica.traits.reads = reads_of(config);
  options.replica.traits.domain = config.node.domain;
  options.replica.traits.stores = config.node.stores;
  options.replica.traits.works = config.node.works;
  options.replica.traits.slots = static_cast<std::uint16_t>(options.slots + options.device_slots.size());
  options.replica.traits.labels = options.labels;
  if (!options.device_slots.empty()) options.replica.traits.labels.emplace_back(model::device_label);
  std::ranges::sort(options.replica.traits.labels);
  const auto twice = std::ranges::unique(options.replica.traits.labels);
  options.replica.traits.labels.erase(twice.begin(), twice.end());
  if (!directory.cluster()->is_founder) options.replica.founders = raft::configuration{};  // the log names the members
  options.replica.lease = config.lease.lease_time;
  // Nodes that shall come and go must come free first; those that stay are used alike.
  options.replica.order = config.scaling.policy.empty() ? replica::spreading::even : replica::spreading::packed;
  options.replica.compact_every = config.journal.compact_every;
  options.replica.limits = {.jobs_most = config.queue.limit,
                            .ageing = config.queue.ageing,
                            .keep_finished = config.retention.finished,
                            .keep_dead = config.retention.dead,
                            .node_lost_most = config.retry.node_lost_most};
  return options;
}

worker::host_options host_options_of(const node_config& config, const journal::data_directory& directory,
                                     const device_keeper& devices, std::shared_ptr<worker::memory_desk> memory) {
  worker::host_options options;
  options.program = std::filesystem::absolute(config.worker_program);
  options.scratch_root = std::filesystem::absolute(directory.scratch());
  options.niceness = static_cast<int>(config.worker.niceness);
  options.recycle_after = config.worker.recycle_after_tasks;
  options.growth_most = config.worker.memory_growth_limit;
  options.output_most = config.worker.scratch_quota;
  options.file_most = config.worker.scratch_quota;
  options.keep_free = config.disk.keep_free;
  options.stderr_head = config.worker.stderr_head.count();
  options.stderr_tail = config.worker.stderr_tail.count();
  options.kill_grace = config.worker.kill_grace;
  options.hello_within = config.worker.start_timeout;
  options.environment.push_back(fmt::format("{}={}", openmp_variable, openmp_spins));
  options.environment.push_back("TROUPE_MODELS=" + std::filesystem::absolute(config.models.directory).string());
  if (config.models.is_simulated)
    options.environment.push_back(fmt::format("TROUPE_SIMULATED_GFLOPS={}", config.models.simulated_gflops));
  options.memory = std::move(memory);
  options.peaks = std::make_shared<worker::peak_book>(directory.root() / "learned-peaks");
  if (config.models.is_simulated) options.networks_on = "simulated";
  if (config.node.works) devices.add_slots(static_cast<std::uint16_t>(config.slots), options);
  return options;
}

/// The worker looks at the same places, in the same order.
std::unique_ptr<model_watch> watch_models(const node_config& config) {
  auto program = std::filesystem::absolute(config.worker_program);
  std::vector<std::filesystem::path> directories{std::filesystem::absolute(config.models.directory),
                                                 program.parent_path() / "models"};
  return std::make_unique<model_watch>(std::move(program), std::move(directories));
}

/// Connections may not take the descriptors that the journal and the workers need.
std::uint32_t connections_most_of(const node_config& config) {
  constexpr rlim_t kept_for_the_rest = 512;
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return config.http.connections_most;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur >= config.http.connections_most + kept_for_the_rest) return config.http.connections_most;
  const auto most = static_cast<std::uint32_t>(std::max<rlim_t>(files.rlim_cur, kept_for_the_rest + 16) - kept_for_the_rest);
  log::warn("connections_limited", "http.connections_most={} open_files_most={} now={}", config.http.connections_most,
            files.rlim_cur, most);
  return most;
}

/// What makes the node one that others may reach, if anything does.
result<std::unique_ptr<node_identity>> establish_identity(const node_config& config, const journal::data_directory& directory) {
  identity_options options;
  options.directory = directory.root() / "tls";
  options.node = directory.node();
  options.seeds = config.cluster.seeds;
  options.join_token = config.join_token;
  options.ca_directory = config.tls.ca_directory;
  options.lifetime = config.tls.lifetime;
  options.names = {"localhost", "127.0.0.1", "::1"};
  options.names.insert(options.names.end(), config.tls.names.begin(), config.tls.names.end());
  for (const auto& address : {config.listen, config.cluster.advertise}) {
    if (auto host = address.empty() ? "" : split_address(address).host;
        auth::is_certificate_name(host) && !is_every_address(host))
      options.names.push_back(std::move(host));
  }
  TROUPE_TRY(auto identity, node_identity::establish(std::move(options)));
  if (!identity && config.auth.loopback)
    return error{errc::bad_request,
                 "auth.loopback: a node without a certificate has no API key; `troupe cluster init` makes one"};
  return identity;
}

/// "host:port" where other nodes reach this one.
result<std::string> advertised_address(const node_config& config, const std::string& host, const std::string& bound) {
  if (!config.cluster.advertise.empty()) return config.cluster.advertise;
  if (!is_every_address(host)) return bound;
  return error{errc::bad_request, fmt::format("listen: {} is all addresses of this machine; say with --set "
                                              "cluster.advertise=HOST:PORT where other nodes reach it",
                                              host)};
}

journal::options journal_options_of(const node_config& config, const journal::data_directory& directory) {
  journal::options options;
  options.directory = directory.journal();
  options.block_cache = config.journal.block_cache;
  options.write_buffer = config.journal.write_buffer;
  return options;
}

/// @param identity  null: the cluster has no certificates
http::server_options server_options_of(const node_config& config, const node_identity* identity) {
  const auto address = split_address(config.listen);
  http::server_options options;
  options.address = address.host;
  options.port = address.port;
  options.threads = config.http.threads;
  options.connections_most = connections_most_of(config);
  options.json_most = config.http.body_limit;
  options.upload_most = config.http.upload_limit;
  options.header_timeout = options.body_timeout = options.idle_timeout = config.http.request_timeout;
  options.stream_bytes_most = config.http.sse_buffer;
  if (identity) options.access = {identity->admin_key(), !config.auth.loopback};
  return options;
}

keeper_options keeper_options_of(const node_config& config, const std::string& advertised) {
  keeper_options options;
  options.collecting.grace = config.artifacts.grace;
  options.collecting.grace_least = config.artifacts.grace_least;
  options.collecting.room = config.disk.keep_free + config.disk.keep_free;
  options.repair_after = config.artifacts.repair_after;
  options.self = advertised;
  return options;
}

/// Where the other nodes are.
std::vector<http::inspection::place> places_of(const cluster_edge& cluster) {
  std::vector<http::inspection::place> out;
  for (auto& peer : cluster.links().links())
    if (peer.node.raw() != 0 && !peer.address.empty()) out.push_back({peer.node, std::move(peer.address)});
  return out;
}

/// Of a disk that does not say, no decision is made: it counts as empty, and writes tell.
bytes free_space_of(const journal::data_directory& directory) {
  const auto free = disk::free_space(directory.root());
  return free ? *free : bytes{std::numeric_limits<std::int64_t>::max()};
}

http::copy_options copy_options_of(const node_config& config, const cluster_edge& cluster) {
  return {.copies = config.cluster.voters, .tls = cluster.tls(), .is_silent = [&cluster](const std::string& peer) {
            return cluster.links().is_silent(peer);
          }};
}

http::artifact_figures stored_figures(const artifact_keeper& keeper, const http::peer_artifacts& shared) {
  const auto figures = keeper.figures();
  return {figures.artifacts, figures.size, figures.collected, figures.freed, shared.counts().copies_restored};
}

/// On a full disk not even the start can be counted: then the ballast makes room.
result<journal::data_directory> open_directory(const std::filesystem::path& at, disk::ballast& ballast) {
  const model::node_id fresh_node{random_number()};
  const auto mark = random_number();
  auto opened = journal::data_directory::open(at, fresh_node, mark);
  if (opened || opened.error().code != errc::no_space) return opened;  // full, it is locked by nobody else
  ballast.give_up();
  return journal::data_directory::open(at, fresh_node, mark);
}

void keep_ballast(disk::ballast& ballast, bytes free, bytes wanted) {
  if (const auto kept = ballast.keep(free); !kept || (!ballast.is_there() && wanted.count() > 0))
    log::warn("ballast_missing", "free={} disk.ballast={}", free.count(), wanted.count());
}

void say_where(const journal::data_directory& directory, const std::string& url, const node_config& config,
               std::size_t pipelines) {
  std::fprintf(stderr, "troupe node %016llx (start %llu) listens on %s, data in %s, %u slots, %zu pipelines\n",
               static_cast<unsigned long long>(directory.node().raw()), static_cast<unsigned long long>(directory.boot().raw()),
               url.c_str(), config.data_directory.c_str(), config.slots, pipelines);
}

/// The signals that stop a node. Blocked in all threads, so that only `wait` gets them.
class stop_signals {
 public:
  stop_signals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, begin_again);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
  }
  int wait() const {
    int signal = 0;
    while (sigwait(&set_, &signal) != 0) {}
    return signal;
  }
  /// The node is not to end, but to begin again.
  static constexpr int begin_again = SIGUSR1;

 private:
  sigset_t set_{};
};

void prepare(caf::actor_system_config& config, bool counts_messages) {
  config.set("caf.scheduler.max-threads", std::max<std::size_t>(2, std::thread::hardware_concurrency()));
  // Work stealing lets idle threads poll, and wakes them up to 10 ms late; a node's actors wait more than they work.
  config.set("caf.scheduler.policy", "sharing");
  // What `actors/roll.hpp` reads.
  if (counts_messages) config.set("caf.metrics-filters.actors.includes", std::vector<std::string>{"*"});
}

/// @returns whether the node is to begin again.
bool wait_for_end(const stop_signals& signals) {
  const bool begins_again = signals.wait() == stop_signals::begin_again;
  std::fprintf(stderr, begins_again ? "troupe node: begins again, for a cluster of several shards\n"
                                    : "troupe node: stopping; a second signal ends it at once\n");
  if (!begins_again) {
    std::thread{[&signals] {
      signals.wait();
      std::_Exit(130);
    }}.detach();
  }
  return begins_again;
}

/// Takes nothing new, and ends what works before what it works with.
/// @param deadline from now on, for tasks
void wind_down(http::server& server, actors::node& node, http::peer_artifacts& shared, artifact_keeper& keeper,
               duration deadline) {
  server.drain();
  const steady_wall_clock clock;
  node.stop(clock.now() + deadline);
  shared.stop();
  keeper.stop();
  server.stop(1s);
}

void end_links(node_identity* identity, cluster_edge& cluster, snapshot_edge& snapshots) {
  if (identity) identity->stop();
  cluster.links().stop();
  snapshots.stop();
}

/// @returns whether the node is to begin again: it has found a cluster that is not as it was started for. At the same address
/// then.
result<bool> run(node_config& config, const stop_signals& signals) {
  disk::ballast ballast{config.data_directory / "ballast", config.disk.ballast, config.disk.keep_free};
  TROUPE_TRY(auto directory, open_directory(config.data_directory, ballast));
  keep_ballast(ballast, free_space_of(directory), config.disk.ballast);
  TROUPE_TRY(const auto identity, establish_identity(config, directory));
  const auto* const tls = identity ? &identity->tls() : nullptr;
  auto server_options = server_options_of(config, identity.get());
  TROUPE_TRY(auto bound, http::server::bind(server_options, tls != nullptr));
  const auto address = fmt::format(fmt::runtime(bound.is_v6 ? "[{}]:{}" : "{}:{}"), server_options.address, bound.port);
  TROUPE_TRY(const auto advertised, advertised_address(config, server_options.address, address));
  TROUPE_TRY(const auto pipelines, load_pipelines(config.pipelines_directory));
  TROUPE_CHECK(settle_cluster(config.cluster.seeds, directory, {random_number(), config.cluster.shards}));
  TROUPE_TRY(const auto log, journal::journal::open(journal_options_of(config, directory)));
  TROUPE_TRY(const auto artifacts, artifacts::make_artifact_store(directory.artifacts(), {.keep_free = config.disk.keep_free}));
  const auto fatal = [&ballast](const error& why) { die(ballast, why); };
  cluster_edge cluster{directory,
                       {config.cluster.seeds, card_of(config, directory, advertised), tls, config.cluster.shards, fatal,
                        [] { ::kill(::getpid(), stop_signals::begin_again); }}};
  http::peer_artifacts shared{*artifacts, [&] { return cluster.addresses(); }, copy_options_of(config, cluster)};
  const auto models = watch_models(config);
  const auto memory = std::make_shared<worker::memory_desk>(config.memory.budget);
  TROUPE_TRY(const auto devices, device_keeper::find(config));
  TROUPE_TRY(const auto host, worker::make_slot_host(host_options_of(config, directory, *devices, memory), shared));
  caf::actor_system_config actor_config;
  prepare(actor_config, config.inspector.counters);
  caf::actor_system system{actor_config};
  auto node_options = actor_options(config, directory, *devices, advertised);
  node_options.peers = &cluster.links();
  node_options.from_peers = &cluster.inlet();
  node_options.replica.patience = server_options.request_timeout - 1s;  // clients are to hear why, not that nothing was heard
  snapshot_edge snapshots{*log, node_options.replica, cluster};
  node_options.snapshots = &snapshots.fetched();
  actors::job_ends ends;
  node_options.ends = &ends;
  TROUPE_TRY(auto node, actors::node::start(system, node_options, *log, *host, fatal));
  const auto free_space = [&] { return free_space_of(directory); };
  artifact_keeper keeper{keeper_options_of(config, advertised),
                         {system, node->public_handles().jobs, *log, *artifacts, shared, ballast, node_options.replica.shards,
                          [&] { return cluster.peers(); }, free_space, tls}};
  const auto stored = [&] { return stored_figures(keeper, shared); };
  http::inspection::inspection shown{
      {directory.node(), advertised, node->roll(), [&cluster] { return places_of(cluster); }, tls}};
  const auto claimed = [&] { return memory->now(); };
  metrics_sources sources{
      *log,   system, node->public_handles(), ends, cluster.links(), stored, free_space, ballast.is_full(), config.disk.keep_free,
      claimed};
  sources.devices = [&] { return devices->views(); };
  const device_use gpus{*devices, [&] { return cluster.addresses(); }, tls};
  TROUPE_TRY(const auto scaling, make_scaling_keeper(config, {advertised, system, node->public_handles().node, ends, tls,
                                                              [&] { return gpus.percent(); }}));
  const auto metrics = [&] { return node_metrics(sources) + (scaling ? scaling_metrics(scaling->figures()) : ""); };
  TROUPE_TRY(const auto server,
             http::server::start(
                 server_options,
                 {system, node->public_handles(), shared, pipelines, metrics, &cluster.links(), &*artifacts, &snapshots.own(),
                  stored, &ballast.is_full(), tls, identity && identity->can_sign() ? identity.get() : nullptr,
                  directory.cluster()->shards, &node->roll(), &shown, models.get(), scaling.get(), sources.devices},
                 std::move(bound)));
  TROUPE_CHECK(cluster.links().start());
  if (identity) identity->keep_fresh([&] { return cluster.addresses(); });
  say_where(directory, fmt::format("{}://{}", tls ? "https" : "http", address), config, pipelines.size());
  const bool begins_again = wait_for_end(signals);
  config.listen = address;
  if (scaling) scaling->stop();
  wind_down(*server, *node, shared, keeper, begins_again ? duration{0} : config.stop.deadline);
  shown.stop();
  end_links(identity.get(), cluster, snapshots);
  node.reset();
  return begins_again;
}

}  // namespace

int run_node(const node_config& config) {
  log::start(config.log_level);
  const stop_signals signals;
  actors::register_messages();
  auto present = config;
  for (bool goes_on = true; goes_on;) {
    const auto ran = run(present, signals);
    if (!ran) {
      std::fprintf(stderr, "troupe node: cannot start: %s\n", ran.error().detail.c_str());
      return exit_cannot_start;
    }
    goes_on = *ran;
  }
  std::fprintf(stderr, "troupe node: stopped\n");
  return exit_ok;
}

}  // namespace troupe::cli
