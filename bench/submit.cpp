// How fast jobs are taken: HTTP submissions that are durable when they are answered, against the disk's own synced write.
// Nothing runs meanwhile: the jobs ask for a label that no slot has.
#include "load.hpp"
#include "node_process.hpp"

#include <rocksdb/db.h>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cstdio>
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

  std::vector<double> disk_p50, one_p50, one_p99, asleep_p50, many_rate, many_p50, many_p99;
  std::uint64_t refused = 0, late = 0, accepted = 0;
  for (int round = 0; round < rounds; ++round) {
    disk_p50.push_back([&] {
      const auto l = synced_writes(node.directory() / "probe", time);
      return l.at(l.size() / 2);
    }());
    // The disk is measured without a thread in between, so the generator polls. What a client that sleeps sees is said beside it.
    const auto one =
        run_load({.port = node.port(), .connections = 1, .rate = 500, .time = time, .poll = true, .request = request});
    one_p50.push_back(one.percentile(0.5));
    one_p99.push_back(one.percentile(0.99));
    const auto asleep = run_load({.port = node.port(), .connections = 1, .rate = 500, .time = time, .request = request});
    asleep_p50.push_back(asleep.percentile(0.5));
    const auto many = run_load({.port = node.port(), .connections = 64, .rate = 0, .time = time, .request = request});
    many_rate.push_back(many.rate());
    many_p50.push_back(many.percentile(0.5));
    many_p99.push_back(many.percentile(0.99));
    refused += one.refused + asleep.refused + many.refused;
    late += one.late + asleep.late;
    accepted += one.accepted + asleep.accepted + many.accepted;
    std::fprintf(stderr,
                 "bench: round %d of %d: disk %.0f us, 1 connection %.0f us (sleeping client %.0f us), 64 connections %.0f/s\n",
                 round + 1, rounds, disk_p50.back(), one_p50.back(), asleep_p50.back(), many_rate.back());
  }
  const auto jobs_in_node = node.jobs_queued();
  const double ratio = median(one_p50) / median(disk_p50);
  if (has("--json")) {
    namespace json = boost::json;
    const json::object report{{"bench", "submit"},
                              {"cores", std::thread::hardware_concurrency()},
                              {"figures",
                               {{"disk_sync_p50_us", median(disk_p50)},
                                {"submit_1_p50_us", median(one_p50)},
                                {"submit_1_p99_us", median(one_p99)},
                                {"submit_1_p50_to_disk", ratio},
                                {"submit_1_sleeping_client_p50_us", median(asleep_p50)},
                                {"submit_64_per_s", median(many_rate)},
                                {"submit_64_p50_us", median(many_p50)},
                                {"submit_64_p99_us", median(many_p99)},
                                {"refused", refused},
                                {"late", late},
                                {"accepted", accepted},
                                {"jobs_in_node", jobs_in_node}}},
                              {"limits", {{"submit_1_p50_to_disk_most", 3.0}, {"submit_64_per_s_least", 8000}}},
                              {"peers", {{"rocksdb_synced_put_1KiB_p50_us", median(disk_p50)}}}};
    std::printf("%s\n", json::serialize(report).c_str());
  } else {
    std::printf("submissions of 1 KiB, durable when answered; median of %d interleaved rounds of %.0f s\n", rounds,
                time.count() / 1000.0);
    std::printf("  RocksDB synced write, 1 thread          p50 %8.0f us\n", median(disk_p50));
    std::printf("  1 connection, open loop, 500/s          p50 %8.0f us   p99 %8.0f us   (%.2f x the disk)\n", median(one_p50),
                median(one_p99), ratio);
    std::printf("  the same, from a client that sleeps     p50 %8.0f us\n", median(asleep_p50));
    std::printf("  64 connections, as fast as answers come p50 %8.0f us   p99 %8.0f us   %.0f/s\n", median(many_p50),
                median(many_p99), median(many_rate));
    std::printf("  refused %llu, sent late %llu; accepted %llu, in the node %llu\n", static_cast<unsigned long long>(refused),
                static_cast<unsigned long long>(late), static_cast<unsigned long long>(accepted),
                static_cast<unsigned long long>(jobs_in_node));
  }
  return refused == 0 && late == 0 && jobs_in_node == accepted ? 0 : 1;
} catch (const std::exception& failure) {
  std::fprintf(stderr, "bench submit: %s\n", failure.what());
  return 2;
}
