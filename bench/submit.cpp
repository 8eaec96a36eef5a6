// How fast jobs are taken: HTTP submissions that are durable when they are answered, against the disk's own synced write.
// Nothing runs meanwhile: the jobs ask for a label that no slot has.
#include "http_jobs.hpp"
#include "machine.hpp"
#include "node_process.hpp"

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <thread>

using namespace troupe::bench;
using namespace std::chrono_literals;

namespace {

/// One thread that writes 1 KiB to a RocksDB beside the node's data, each write synced: what the node is measured against.
class disk_probe {
 public:
  explicit disk_probe(const std::filesystem::path& directory) {
    rocksdb::DB* opened = nullptr;
    rocksdb::Options options;
    options.create_if_missing = true;
    if (!rocksdb::DB::Open(options, directory.string(), &opened).ok()) throw std::runtime_error("RocksDB cannot be opened");
    db_.reset(opened);
    synced_.sync = true;
  }

  /// @param rate  writes per second in an open loop, as `run_load` has it; 0: one after another
  /// @returns the median latency in microseconds
  double p50_us(double rate, std::chrono::milliseconds time) {
    using clock = std::chrono::steady_clock;
    std::vector<double> latencies;
    const auto start = clock::now();
    const auto gap = std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(rate > 0 ? 1 / rate : 0));
    auto due = start;
    while (due < start + time) {
      while (clock::now() < due) {}
      if (!db_->Put(synced_, std::to_string(++number_), value_).ok()) throw std::runtime_error("RocksDB cannot write");
      const auto now = clock::now();
      latencies.push_back(std::chrono::duration<double, std::micro>(now - due).count());
      due = rate > 0 ? due + gap : now;
    }
    return median(std::move(latencies));
  }

 private:
  rocksdb::WriteOptions synced_;
  const std::string value_ = std::string(1024, 'x');
  std::unique_ptr<rocksdb::DB> db_;
  std::uint64_t number_ = 0;
};

/// What was measured within a few seconds; times in microseconds.
struct round_figures {
  double disk_closed, disk_open, closed_p50, closed_rate, open_p50, open_p99, asleep_p50, many_rate, many_p50, many_p99;
  double stolen;  ///< share of the processors' time

  [[nodiscard]] bool is_quiet() const { return stolen <= stolen_most; }
};

struct figures {
  std::vector<round_figures> rounds;
  std::uint64_t refused = 0, accepted = 0, jobs_in_node = 0;

  [[nodiscard]] int quiet() const { return static_cast<int>(std::ranges::count_if(rounds, &round_figures::is_quiet)); }
  /// Of the quiet rounds; of all if there is none.
  [[nodiscard]] double median_of(double round_figures::*figure) const {
    std::vector<double> values;
    for (const auto& round : rounds) {
      if (round.is_quiet() || quiet() == 0) values.push_back(round.*figure);
    }
    return median(std::move(values));
  }
  /// What is limited: an open loop against a disk that is never left alone, which is at its quickest then.
  [[nodiscard]] double to_disk() const { return median_of(&round_figures::open_p50) / median_of(&round_figures::disk_closed); }
};

/// The node and the disk are asked in the same way within the same seconds: one after another, then in an open loop at a third of
/// what one connection carries, so that its queue does not hide the node.
void measure_round(const node_process& node, disk_probe& disk, std::chrono::milliseconds time, figures& into) {
  const auto ask = [&](load_options how) {
    how.port = node.port();
    how.time = time;
    how.speak = [] { return std::make_unique<http_jobs>(); };
    auto found = run_load(how);
    into.refused += found.refused;
    into.accepted += found.accepted;
    return found;
  };
  const auto before = processor_time::now();
  round_figures found{};
  found.disk_closed = disk.p50_us(0, time);
  // The disk is measured without a thread in between, so the generator polls. What a client that sleeps sees is said beside it.
  const auto closed = ask({.poll = true});
  found.closed_p50 = closed.percentile(0.5);
  found.closed_rate = closed.rate();
  constexpr double rate = 500;
  found.disk_open = disk.p50_us(rate, time);
  const auto open = ask({.rate = rate, .poll = true});
  found.open_p50 = open.percentile(0.5);
  found.open_p99 = open.percentile(0.99);
  found.asleep_p50 = ask({.rate = rate}).percentile(0.5);
  const auto many = ask({.connections = 64});
  found.many_rate = many.rate();
  found.many_p50 = many.percentile(0.5);
  found.many_p99 = many.percentile(0.99);
  found.stolen = stolen_between(before, processor_time::now());
  into.rounds.push_back(found);
}

void report(const figures& found) {
  const auto& last = found.rounds.back();
  fmt::print(
      stderr,
      "bench: round {}{}: closed loop: disk {:.0f} us, 1 connection {:.0f} us, 64 connections {:.0f}/s; open loop: disk "
      "{:.0f} us, 1 connection {:.0f} us, sleeping client {:.0f} us\n",
      found.rounds.size(),
      last.is_quiet() ? "" : fmt::format(" (does not count: {:.0f} % of the processors were taken away)", 100 * last.stolen),
      last.disk_closed, last.closed_p50, last.many_rate, last.disk_open, last.open_p50, last.asleep_p50);
}

std::string to_json(const figures& found) {
  namespace json = boost::json;
  json::object values;
  static constexpr std::pair<const char*, double round_figures::*> names[] = {
      {"disk_sync_closed_p50_us", &round_figures::disk_closed},
      {"disk_sync_open_p50_us", &round_figures::disk_open},
      {"submit_1_closed_p50_us", &round_figures::closed_p50},
      {"submit_1_closed_per_s", &round_figures::closed_rate},
      {"submit_1_open_p50_us", &round_figures::open_p50},
      {"submit_1_open_p99_us", &round_figures::open_p99},
      {"submit_1_open_sleeping_client_p50_us", &round_figures::asleep_p50},
      {"submit_64_per_s", &round_figures::many_rate},
      {"submit_64_p50_us", &round_figures::many_p50},
      {"submit_64_p99_us", &round_figures::many_p99}};
  for (const auto& [name, figure] : names) values[name] = found.median_of(figure);
  values["submit_1_open_p50_to_disk"] = found.to_disk();
  values["rounds"] = found.rounds.size();
  values["quiet_rounds"] = found.quiet();
  values["refused"] = found.refused;
  values["accepted"] = found.accepted;
  values["jobs_in_node"] = found.jobs_in_node;
  return json::serialize(
      json::object{{"bench", "submit"},
                   {"cores", std::thread::hardware_concurrency()},
                   {"figures", std::move(values)},
                   {"limits", {{"submit_1_open_p50_to_disk_most", 3.0}, {"submit_64_per_s_least", 8000}}},
                   {"peers", {{"rocksdb_synced_put_1KiB_p50_us", found.median_of(&round_figures::disk_closed)}}}});
}

std::string to_table(const figures& found) {
  const auto of = [&](double round_figures::*figure) { return found.median_of(figure); };
  return fmt::format(
      "  as fast as answers come\n"
      "    RocksDB synced write, 1 thread  p50 {:8.0f} us\n"
      "    1 connection                    p50 {:8.0f} us  {:.0f}/s\n"
      "    64 connections                  p50 {:8.0f} us  p99 {:.0f} us  {:.0f}/s\n"
      "  open loop, 500/s\n"
      "    RocksDB synced write, 1 thread  p50 {:8.0f} us\n"
      "    1 connection                    p50 {:8.0f} us  p99 {:.0f} us  {:.2f} x the disk that is never left alone\n"
      "    the same, a client that sleeps  p50 {:8.0f} us\n"
      "  refused {}; accepted {}, in the node {}; {} of {} rounds undisturbed\n",
      of(&round_figures::disk_closed), of(&round_figures::closed_p50), of(&round_figures::closed_rate),
      of(&round_figures::many_p50), of(&round_figures::many_p99), of(&round_figures::many_rate), of(&round_figures::disk_open),
      of(&round_figures::open_p50), of(&round_figures::open_p99), found.to_disk(), of(&round_figures::asleep_p50), found.refused,
      found.accepted, found.jobs_in_node, found.quiet(), found.rounds.size());
}

}  // namespace

int main(int argc, char** argv) try {
  const auto has = [&](const char* option) {
    return std::any_of(argv + 1, argv + argc, [&](const char* a) { return std::strcmp(a, option) == 0; });
  };
  constexpr auto time = 1000ms;
  const int rounds = has("--quick") ? 1 : 12;
  const std::size_t rounds_most = has("--quick") ? 1 : 48;  // a disturbed round is measured again
  const std::filesystem::path plans = std::filesystem::path{TROUPE_BUILD_DIRECTORY} / "bench" / "pipelines";
  std::filesystem::create_directories(plans);
  std::ofstream{plans / "parked.yaml"} << parked_pipeline;
  const node_process node{{"--pipelines", plans.string(), "--slots", "1", "--set", "queue.limit=1000000"}};

  disk_probe disk{node.directory() / "probe"};
  figures found;
  while (found.quiet() < rounds && found.rounds.size() < rounds_most) {
    measure_round(node, disk, time, found);
    report(found);
  }
  found.jobs_in_node = node.jobs_queued();
  if (has("--json"))
    fmt::print("{}\n", to_json(found));
  else
    fmt::print("submissions of 1 KiB, durable when answered; medians of interleaved rounds\n{}", to_table(found));
  return found.refused == 0 && found.jobs_in_node == found.accepted ? 0 : 1;
} catch (const std::exception& failure) {
  fmt::print(stderr, "bench submit: {}\n", failure.what());
  return 2;
}
