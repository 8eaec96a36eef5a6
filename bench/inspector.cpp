// How fast a node shows what it has: windows of 100,000 actors, of which 2,000 are lively, and lists of 1,000,000 jobs.
//   bench_inspector [--json] [--quick] [--serve]
// `--serve` says the address on standard output in place of measuring, and stays until its standard input ends: for a browser.
#include "actors/node.hpp"
#include "http/http.hpp"
#include "http/inspection/inspection.hpp"
#include "http_jobs.hpp"
#include "machine.hpp"
#include "node_process.hpp"
#include "persistence/artifacts/artifact_store.hpp"
#include "persistence/journal/data_directory.hpp"
#include "persistence/journal/journal.hpp"
#include "support/fake_slot_host.hpp"

#include <fmt/format.h>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <map>
#include <thread>

using namespace troupe;
using namespace std::chrono_literals;

namespace {

struct sizes {
  std::size_t actors = 100'000, lively = 2'000;
  std::uint64_t jobs = 1'000'000;
  int rounds = 40;
};

template <class T>
T must(result<T> got) {
  if (!got) throw std::runtime_error(to_string(got.error()));
  return std::move(*got);
}

/// Actors that are only counted, as a machine that is a thousand times larger would have them.
class crowd {
 public:
  crowd(actors::actor_roll& roll, const sizes& size) : lively_(size.lively) {
    for (std::size_t i = 0; i < size.actors; ++i) {
      all_.push_back(roll.enter(actors::party::slot, fmt::format("slot-{}", i), "node"));
      all_.back()->is_now("idle");
    }
    thread_ = std::thread{[this] { live(); }};
  }
  ~crowd() {
    is_over_ = true;
    thread_.join();
  }
  crowd(const crowd&) = delete;
  crowd& operator=(const crowd&) = delete;

 private:
  void live() {
    while (!is_over_) {
      for (std::size_t i = 0; i < std::min(lively_, all_.size()); ++i) {
        all_[i]->received_from(actors::party::shard);
        all_[i]->has_handled(1 + i % 3, std::chrono::microseconds{i % 90});
      }
      std::this_thread::sleep_for(50ms);  // twenty messages a second each
    }
  }
  const std::size_t lively_;
  std::vector<std::shared_ptr<actors::actor_roll::entry>> all_;
  std::atomic<bool> is_over_ = false;
  std::thread thread_;
};

model::pipeline_registry one_pipeline() {
  auto parked = must(model::parse_pipeline(bench::parked_pipeline, "parked.yaml", model::pipeline_origin::installed));
  const auto name = parked.name;
  return {{name, std::make_shared<const model::pipeline>(std::move(parked))}};
}

actors::node_options options_of(const journal::data_directory& directory) {
  actors::node_options options;
  options.id = directory.node();
  options.boot = directory.boot();
  options.slots = 0;
  options.replica.raft.self = raft::server_id{directory.node().raw()};
  options.replica.raft.random_seed = 1;
  options.replica.node = directory.node();
  options.replica.boot = directory.boot();
  options.replica.limits.jobs_most = 10'000'000;
  return options;
}

/// Until there are so many. @returns how many there are
std::uint64_t fill(std::uint16_t port, std::uint64_t jobs) {
  std::uint64_t there = 0;
  while (there < jobs) {
    bench::load_options how;
    how.port = port;
    how.connections = 4;
    how.time = 1s;
    how.speak = [] { return std::make_unique<bench::http_jobs>(1000); };
    there += bench::run_load(how).accepted;
    fmt::print(stderr, "bench: {} jobs\n", there);
  }
  return there;
}

/// What a page asks for, and how long the answers take.
std::map<std::string, double> measure(std::uint16_t port, const std::string& node, int rounds) {
  const std::map<std::string, std::string> questions{
      {"actors_nodes", "/v1/actors"},
      {"actors_groups", "/v1/actors?open=" + node},
      {"actors_2000_of_a_group", fmt::format("/v1/actors?most=2000&open={0},{0}/slot", node)},
      {"actors_one", fmt::format("/v1/actors?most=1&open={0},{0}/slot,{0}/slot/slot-7", node)},
      {"jobs_newest", "/v1/jobs?limit=50"},
      {"jobs_of_a_state", "/v1/jobs?state=queued&limit=50"},
      {"jobs_of_a_state_without_any", "/v1/jobs?state=dead&limit=50"},
      {"jobs_of_a_label_without_any", "/v1/jobs?label=no:such&limit=50"},
      {"jobs_of_a_pipeline_without_any", "/v1/jobs?pipeline=none&limit=50"}};
  std::map<std::string, double> p95_ms;
  for (const auto& [name, path] : questions) {
    std::vector<double> took;
    for (int round = 0; round < rounds; ++round) {
      const auto began = std::chrono::steady_clock::now();
      if (bench::get(port, path).substr(9, 3) != "200") throw std::runtime_error(path + " was not answered");
      took.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count());
    }
    std::ranges::sort(took);
    p95_ms[name] = took[took.size() * 95 / 100];
  }
  return p95_ms;
}

void report(const std::map<std::string, double>& p95_ms, const sizes& size, std::uint64_t jobs, bool is_json) {
  boost::json::object values;
  double worst = 0;
  for (const auto& [name, ms] : p95_ms) {
    values[name + "_p95_ms"] = ms;
    worst = std::max(worst, ms);
    if (!is_json) fmt::print("  {:<32} p95 {:8.2f} ms\n", name, ms);
  }
  values["worst_p95_ms"] = worst;
  if (is_json)
    fmt::print("{}\n", boost::json::serialize(boost::json::object{{"bench", "inspector"},
                                                                  {"cores", std::thread::hardware_concurrency()},
                                                                  {"actors", size.actors},
                                                                  {"jobs", jobs},
                                                                  {"figures", std::move(values)},
                                                                  {"limits", {{"worst_p95_ms_most", 100}}}}));
}

}  // namespace

int main(int argc, char** argv) try {
  const auto has = [&](const char* option) {
    return std::any_of(argv + 1, argv + argc, [&](const char* a) { return std::strcmp(a, option) == 0; });
  };
  sizes size;
  if (has("--quick")) size = {10'000, 2'000, 20'000, 20};
  const auto root = std::filesystem::path{TROUPE_BUILD_DIRECTORY} / "bench" / fmt::format("inspector-{}", ::getpid());
  std::filesystem::create_directories(root);
  struct cleanup {
    std::filesystem::path what;
    ~cleanup() { std::filesystem::remove_all(what); }
  } const at_the_end{root};

  actors::register_messages();
  auto directory = must(journal::data_directory::open(root / "data", model::node_id{0xbe9c}));
  if (const auto entered = directory.enter({1, true, 1}); !entered) throw std::runtime_error(to_string(entered.error()));
  journal::options where;
  where.directory = directory.journal();
  const auto storage = must(journal::journal::open(where));
  const auto artifacts = must(artifacts::make_artifact_store(directory.artifacts(), {}));
  test::fake_slot_host host{[](const model::task_spec& task) -> model::ports::worker_event {
    return model::ports::worker_failed{task.attempt, task.task, {}};
  }};
  caf::actor_system_config config;
  config.set("caf.scheduler.policy", "sharing");
  caf::actor_system system{config};
  const auto node = must(actors::node::start(system, options_of(directory), *storage, host, [](const error& why) {
    fmt::print(stderr, "bench: {}\n", to_string(why));
    std::_Exit(2);
  }));
  const auto pipelines = one_pipeline();
  http::server_options options;
  options.port = 0;
  auto bound = must(http::server::bind(options, false));
  const auto port = bound.port;
  http::inspection::inspection shown{{directory.node(), fmt::format("127.0.0.1:{}", port), node->roll(), {}}};
  const auto server = must(http::server::start(options,
                                               {.system = system,
                                                .actors = node->public_handles(),
                                                .artifacts = *artifacts,
                                                .pipelines = pipelines,
                                                .metrics_text = {},
                                                .roll = &node->roll(),
                                                .actors_shown = &shown},
                                               std::move(bound)));
  const crowd all{node->roll(), size};
  const auto jobs = fill(port, size.jobs);
  const auto id = fmt::format("{:016x}", directory.node().raw());
  if (has("--serve")) {
    fmt::print("http://127.0.0.1:{} {}\n", port, id);
    std::fflush(stdout);
    for (std::string line; std::getline(std::cin, line);) {}
  } else {
    report(measure(port, id, size.rounds), size, jobs, has("--json"));
  }
  server->stop(1s);
  shown.stop();
  return 0;
} catch (const std::exception& failure) {
  fmt::print(stderr, "bench inspector: {}\n", failure.what());
  return 2;
}
