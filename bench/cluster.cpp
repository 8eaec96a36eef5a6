// How fast three nodes take jobs that are durable on a majority when they are answered, against a quorum queue of three RabbitMQ
// brokers and a JetStream stream of three replicas. bench/cluster starts those and says where they are.
// Nothing runs meanwhile: the jobs ask for a label that no slot has.
#include "amqp_queue.hpp"
#include "http_jobs.hpp"
#include "machine.hpp"
#include "nats_stream.hpp"
#include "node_process.hpp"

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <set>
#include <thread>

using namespace troupe::bench;
using namespace std::chrono_literals;

namespace {

namespace bj = boost::json;

constexpr std::size_t batch = 100;

/// What is asked of each system.
struct row {
  const char* name;  ///< for programs
  const char* text;  ///< for people
  int connections;
  std::size_t batch;
};
constexpr std::array rows{row{"connections_1", "1 connection", 1, 1}, row{"connections_64", "64 connections", 64, 1},
                          row{"batches_of_100", "batches of 100", 1, batch}};

/// Three nodes that vote.
class troupe_cluster {
 public:
  explicit troupe_cluster(const std::string& pipelines) {
    std::vector<std::string> options{"--pipelines", pipelines, "--slots", "1", "--set", "queue.limit=10000000"};
    nodes_.push_back(std::make_unique<node_process>(options));
    options.insert(options.end(), {"--seed", "127.0.0.1:" + std::to_string(nodes_.front()->port())});
    while (nodes_.size() < 3) nodes_.push_back(std::make_unique<node_process>(options));
    for (int tries = 0; tries < 400; ++tries) {
      if (voters() == 3) return;
      std::this_thread::sleep_for(50ms);
    }
    throw std::runtime_error("three nodes do not vote after 20 s");
  }

  /// Who leads is where clients ask, as they do of a quorum queue.
  [[nodiscard]] std::uint16_t leader() const {
    for (const auto& member : members()) {
      const std::string address{member.at("address").as_string()};
      if (member.at("role") == "leader") return static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1)));
    }
    throw std::runtime_error("nobody leads");
  }
  [[nodiscard]] std::uint64_t jobs_queued() const {
    const auto leads = [port = leader()](const auto& node) { return node->port() == port; };
    return (*std::ranges::find_if(nodes_, leads))->jobs_queued();
  }

 private:
  [[nodiscard]] bj::array members() const {
    const auto answer = nodes_.front()->answer_to("/v1/nodes");
    const auto body = answer.find("\r\n\r\n");
    if (body == std::string::npos) throw std::runtime_error("the first node does not say who is there");
    return bj::parse(std::string_view{answer}.substr(body + 4)).at("nodes").as_array();
  }
  [[nodiscard]] std::ptrdiff_t voters() const {
    const auto found = members();
    return std::ranges::count_if(found, [](const auto& m) { return m.at("role") == "leader" || m.at("role") == "voter"; });
  }

  std::vector<std::unique_ptr<node_process>> nodes_;
};

struct system_under_test {
  const char* name;
  std::function<std::uint16_t()> port;
  std::function<std::unique_ptr<conversation>(std::size_t batch)> speak;
  bool is_only_stated = false;  ///< without it, once it fails, the others are measured on
};

struct measurement {
  double rate, p50_us, p99_us;
};

struct options {
  std::uint16_t rabbit = 0, nats = 0;  ///< ports; 0: not measured
  bool is_quick = false, is_json = false;
};

struct round_figures {
  std::vector<std::array<measurement, rows.size()>> of_system;
  double stolen = 0;
};

class contest {
 public:
  explicit contest(std::vector<system_under_test> systems) : systems_(std::move(systems)), accepted_(systems_.size()) {}

  /// Each row of all systems within the same seconds, and who begins changes from round to round.
  void measure_round(std::chrono::milliseconds time) {
    const auto before = processor_time::now();
    round_figures found;
    found.of_system.resize(systems_.size());
    for (std::size_t r = 0; r < rows.size(); ++r) {
      for (std::size_t k = 0; k < systems_.size(); ++k) {
        const auto at = (k + rounds_.size()) % systems_.size();
        if (!failed_.contains(at)) found.of_system[at][r] = measure(at, rows[r], time);
      }
    }
    found.stolen = stolen_between(before, processor_time::now());
    rounds_.push_back(std::move(found));
    drop_failed();
    report();
  }

  [[nodiscard]] bool is_quiet(const round_figures& round) const { return round.stolen <= stolen_most; }
  [[nodiscard]] std::size_t quiet() const {
    return static_cast<std::size_t>(std::ranges::count_if(rounds_, [this](const auto& r) { return is_quiet(r); }));
  }
  [[nodiscard]] std::size_t rounds() const { return rounds_.size(); }
  [[nodiscard]] double median_of(std::size_t system, std::size_t row, double measurement::*figure) const {
    return median_of_rounds([&](const round_figures& round) { return round.of_system[system][row].*figure; });
  }
  /// The rate of the first system to that of another one, of the same round: a machine that is slow for half a minute is so for
  /// both.
  [[nodiscard]] double ratio(std::size_t row, std::size_t to) const {
    return median_of_rounds(
        [&](const round_figures& round) { return round.of_system[0][row].rate / round.of_system[to][row].rate; });
  }
  [[nodiscard]] const std::vector<system_under_test>& systems() const { return systems_; }
  [[nodiscard]] std::uint64_t accepted(std::size_t system) const { return accepted_.at(system); }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  /// Of the quiet rounds; of all if there is none.
  template <class Figure>
  [[nodiscard]] double median_of_rounds(Figure figure) const {
    std::vector<double> values;
    for (const auto& round : rounds_) {
      if (is_quiet(round) || quiet() == 0) values.push_back(figure(round));
    }
    return median(std::move(values));
  }

  measurement measure(std::size_t at, const row& how, std::chrono::milliseconds time) {
    const auto& system = systems_[at];
    load_options asked;
    asked.connections = how.connections;
    asked.time = time;
    asked.speak = [&] { return system.speak(how.batch); };
    try {
      asked.port = system.port();
      const auto found = run_load(asked);
      accepted_[at] += found.accepted;
      refused_ += found.refused;
      return {found.rate(), found.percentile(0.5), found.percentile(0.99)};
    } catch (const std::exception& failure) {
      const auto what = fmt::format("{}, {}: {}", system.name, how.text, failure.what());
      if (!system.is_only_stated) throw std::runtime_error(what);
      fmt::print(stderr, "bench: {}; it is left out from here on, with its figures\n", what);
      failed_.insert(at);
      return {};
    }
  }

  void drop_failed() {
    for (; !failed_.empty(); failed_.erase(std::prev(failed_.end()))) {
      const auto last = static_cast<std::ptrdiff_t>(*failed_.rbegin());
      systems_.erase(systems_.begin() + last);
      accepted_.erase(accepted_.begin() + last);
      for (auto& round : rounds_) round.of_system.erase(round.of_system.begin() + last);
    }
  }

  void report() const {
    const auto& last = rounds_.back();
    fmt::print(
        stderr, "bench: round {}{}:", rounds_.size(),
        is_quiet(last) ? "" : fmt::format(" (does not count: {:.0f} % of the processors were taken away)", 100 * last.stolen));
    for (std::size_t k = 0; k < systems_.size(); ++k) {
      fmt::print(stderr, " {}", systems_[k].name);
      for (const auto& each : last.of_system[k]) fmt::print(stderr, " {:.0f}/s", each.rate);
    }
    fmt::print(stderr, "\n");
  }

  std::vector<system_under_test> systems_;
  std::set<std::size_t> failed_;  ///< of the round under way
  std::vector<round_figures> rounds_;
  std::vector<std::uint64_t> accepted_;
  std::uint64_t refused_ = 0;
};

std::string to_table(const contest& found) {
  std::string out;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    out += fmt::format("  {}\n", rows[r].text);
    for (std::size_t k = 0; k < found.systems().size(); ++k) {
      out += fmt::format("    {:12} {:8.0f}/s  p50 {:8.0f} us  p99 {:8.0f} us", found.systems()[k].name,
                         found.median_of(k, r, &measurement::rate), found.median_of(k, r, &measurement::p50_us),
                         found.median_of(k, r, &measurement::p99_us));
      out += k == 0 ? "\n" : fmt::format("  Troupe has {:.2f} times its rate\n", found.ratio(r, k));
    }
  }
  return out;
}

std::string to_json(const contest& found, std::uint64_t jobs_in_cluster) {
  bj::object values, ratios;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t k = 0; k < found.systems().size(); ++k) {
      const auto name = fmt::format("{}_{}", found.systems()[k].name, rows[r].name);
      values[name + "_per_s"] = found.median_of(k, r, &measurement::rate);
      values[name + "_p50_us"] = found.median_of(k, r, &measurement::p50_us);
      values[name + "_p99_us"] = found.median_of(k, r, &measurement::p99_us);
      if (k > 0) values[fmt::format("{}_to_{}", rows[r].name, found.systems()[k].name)] = found.ratio(r, k);
    }
  }
  values["rounds"] = found.rounds();
  values["quiet_rounds"] = found.quiet();
  values["refused"] = found.refused();
  values["accepted"] = found.accepted(0);
  values["jobs_in_cluster"] = jobs_in_cluster;
  return bj::serialize(
      bj::object{{"bench", "cluster"}, {"cores", std::thread::hardware_concurrency()}, {"figures", std::move(values)}});
}

options options_from(int argc, char** argv) {
  options out;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word{argv[i]};
    const auto port = [&] {
      if (++i == argc) throw std::runtime_error(fmt::format("{} wants a port", word));
      return static_cast<std::uint16_t>(std::stoul(argv[i]));
    };
    if (word == "--rabbitmq")
      out.rabbit = port();
    else if (word == "--nats")
      out.nats = port();
    else if (word == "--quick")
      out.is_quick = true;
    else if (word == "--json")
      out.is_json = true;
    else
      throw std::runtime_error(fmt::format("no option '{}'; there are --rabbitmq PORT, --nats PORT, --quick and --json", word));
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) try {
  const auto wanted = options_from(argc, argv);
  const std::filesystem::path plans = std::filesystem::path{TROUPE_BUILD_DIRECTORY} / "bench" / "pipelines";
  std::filesystem::create_directories(plans);
  std::ofstream{plans / "parked.yaml"} << parked_pipeline;
  const troupe_cluster cluster{plans.string()};

  std::vector<system_under_test> systems;
  systems.push_back({"troupe", [&] { return cluster.leader(); }, [](std::size_t n) { return std::make_unique<http_jobs>(n); }});
  if (wanted.rabbit != 0)
    systems.push_back(
        {"rabbitmq", [&] { return wanted.rabbit; }, [](std::size_t n) { return std::make_unique<amqp_queue>("jobs", n); }});
  if (wanted.nats != 0)
    systems.push_back(
        {"nats", [&] { return wanted.nats; }, [](std::size_t n) { return std::make_unique<nats_stream>("jobs", n); }, true});

  const std::size_t rounds = wanted.is_quick ? 1 : 15;
  const std::size_t rounds_most = wanted.is_quick ? 1 : 30;  // a disturbed round is measured again
  contest found{std::move(systems)};
  while (found.quiet() < rounds && found.rounds() < rounds_most) found.measure_round(wanted.is_quick ? 1000ms : 2000ms);

  const auto jobs = cluster.jobs_queued();
  if (wanted.is_json)
    fmt::print("{}\n", to_json(found, jobs));
  else
    fmt::print(
        "jobs of 1 KiB, durable on a majority of three when answered; medians of {} interleaved rounds, {} of them "
        "undisturbed\n{}"
        "  refused {}; accepted {}, in the cluster {}\n",
        found.rounds(), found.quiet(), to_table(found), found.refused(), found.accepted(0), jobs);
  return found.refused() == 0 && jobs == found.accepted(0) ? 0 : 1;
} catch (const std::exception& failure) {
  fmt::print(stderr, "bench cluster: {}\n", failure.what());
  return 2;
}
