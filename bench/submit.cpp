// How fast jobs are taken: HTTP submissions that are durable when they are answered, against the disk's own synced write.
// Nothing runs meanwhile: the jobs ask for a label that no slot has.
#include "load.hpp"
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

constexpr const char* pipeline = R"(name: parked
inputs: {text: {type: text, required: true}}
stages:
  wait: {kind: exec, program: {mode: once, command: ["true"], outputs: {}}, params: {text: "${inputs.text}"}, requires: {labels: [nowhere]}}
result: {}
)";

std::string request(std::uint64_t number) {
  static const std::string filling(1024, 'x');
  const auto body = R"({"pipeline":"parked","inputs":{"text":")" + std::to_string(number) + filling + "\"}}";
  return "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
         + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// Latencies in microseconds of synced RocksDB writes of 1 KiB, one after another, beside the node's data.
std::vector<double> synced_writes(const std::filesystem::path& directory, std::chrono::milliseconds time) {
  rocksdb::DB* opened = nullptr;
  rocksdb::Options options;
  options.create_if_missing = true;
  if (!rocksdb::DB::Open(options, directory.string(), &opened).ok()) throw std::runtime_error("RocksDB cannot be opened");
  const std::unique_ptr<rocksdb::DB> db{opened};
  rocksdb::WriteOptions synced;
  synced.sync = true;
  const std::string value(1024, 'x');
  std::vector<double> latencies;
  const auto end = std::chrono::steady_clock::now() + time;
  for (auto start = std::chrono::steady_clock::now(); start < end;) {
    if (!db->Put(synced, std::to_string(latencies.size()), value).ok()) throw std::runtime_error("RocksDB cannot write");
    const auto now = std::chrono::steady_clock::now();
    latencies.push_back(std::chrono::duration<double, std::micro>(now - start).count());
    start = now;
  }
  std::sort(latencies.begin(), latencies.end());
  return latencies;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.at(values.size() / 2);
}

/// One number a round; the median is what counts.
struct figures {
  std::vector<double> disk_p50, one_p50, one_p99, asleep_p50, many_rate, many_p50, many_p99;
  std::uint64_t refused = 0, late = 0, accepted = 0, jobs_in_node = 0;

  [[nodiscard]] double ratio() const { return median(one_p50) / median(disk_p50); }
  void count(const load_result& load) {
    refused += load.refused;
    late += load.late;
    accepted += load.accepted;
  }
};

void measure_round(const node_process& node, std::chrono::milliseconds time, figures& into) {
  const auto disk = synced_writes(node.directory() / "probe", time);
  into.disk_p50.push_back(disk.at(disk.size() / 2));
  // The disk is measured without a thread in between, so the generator polls. What a client that sleeps sees is said beside it.
  const auto one = run_load({.port = node.port(), .connections = 1, .rate = 500, .time = time, .poll = true, .request = request});
  into.one_p50.push_back(one.percentile(0.5));
  into.one_p99.push_back(one.percentile(0.99));
  const auto asleep = run_load({.port = node.port(), .connections = 1, .rate = 500, .time = time, .request = request});
  into.asleep_p50.push_back(asleep.percentile(0.5));
  const auto many = run_load({.port = node.port(), .connections = 64, .rate = 0, .time = time, .request = request});
  into.many_rate.push_back(many.rate());
  into.many_p50.push_back(many.percentile(0.5));
  into.many_p99.push_back(many.percentile(0.99));
  for (const auto* load : {&one, &asleep, &many}) into.count(*load);
}

std::string to_json(const figures& found) {
  namespace json = boost::json;
  return json::serialize(json::object{{"bench", "submit"},
                                      {"cores", std::thread::hardware_concurrency()},
                                      {"figures",
                                       {{"disk_sync_p50_us", median(found.disk_p50)},
                                        {"submit_1_p50_us", median(found.one_p50)},
                                        {"submit_1_p99_us", median(found.one_p99)},
                                        {"submit_1_p50_to_disk", found.ratio()},
                                        {"submit_1_sleeping_client_p50_us", median(found.asleep_p50)},
                                        {"submit_64_per_s", median(found.many_rate)},
                                        {"submit_64_p50_us", median(found.many_p50)},
                                        {"submit_64_p99_us", median(found.many_p99)},
                                        {"refused", found.refused},
                                        {"late", found.late},
                                        {"accepted", found.accepted},
                                        {"jobs_in_node", found.jobs_in_node}}},
                                      {"limits", {{"submit_1_p50_to_disk_most", 3.0}, {"submit_64_per_s_least", 8000}}},
                                      {"peers", {{"rocksdb_synced_put_1KiB_p50_us", median(found.disk_p50)}}}});
}

std::string to_table(const figures& found) {
  return fmt::format(
      "  RocksDB synced write, 1 thread          p50 {:8.0f} us\n"
      "  1 connection, open loop, 500/s          p50 {:8.0f} us   p99 {:8.0f} us   ({:.2f} x the disk)\n"
      "  the same, from a client that sleeps     p50 {:8.0f} us\n"
      "  64 connections, as fast as answers come p50 {:8.0f} us   p99 {:8.0f} us   {:.0f}/s\n"
      "  refused {}, sent late {}; accepted {}, in the node {}\n",
      median(found.disk_p50), median(found.one_p50), median(found.one_p99), found.ratio(), median(found.asleep_p50),
      median(found.many_p50), median(found.many_p99), median(found.many_rate), found.refused, found.late, found.accepted,
      found.jobs_in_node);
}

}  // namespace

int main(int argc, char** argv) try {
  const auto has = [&](const char* option) {
    return std::any_of(argv + 1, argv + argc, [&](const char* a) { return std::strcmp(a, option) == 0; });
  };
  const auto time = has("--quick") ? 1000ms : 4000ms;
  const int rounds = has("--quick") ? 1 : 3;
  const std::filesystem::path plans = std::filesystem::path{TROUPE_BUILD_DIRECTORY} / "bench" / "pipelines";
  std::filesystem::create_directories(plans);
  std::ofstream{plans / "parked.yaml"} << pipeline;
  const node_process node{{"--pipelines", plans.string(), "--slots", "1", "--set", "queue.limit=1000000"}};

  figures found;
  for (int round = 0; round < rounds; ++round) {
    measure_round(node, time, found);
    fmt::print(
        stderr,
        "bench: round {} of {}: disk {:.0f} us, 1 connection {:.0f} us (sleeping client {:.0f} us), 64 connections {:.0f}/s\n",
        round + 1, rounds, found.disk_p50.back(), found.one_p50.back(), found.asleep_p50.back(), found.many_rate.back());
  }
  found.jobs_in_node = node.jobs_queued();
  if (has("--json"))
    fmt::print("{}\n", to_json(found));
  else
    fmt::print("submissions of 1 KiB, durable when answered; median of {} interleaved rounds of {} s\n{}", rounds,
               time.count() / 1000, to_table(found));
  return found.refused == 0 && found.late == 0 && found.jobs_in_node == found.accepted ? 0 : 1;
} catch (const std::exception& failure) {
  fmt::print(stderr, "bench submit: {}\n", failure.what());
  return 2;
}
