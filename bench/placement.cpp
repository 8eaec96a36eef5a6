// How fast one leader gives tasks to the slots of thousands of nodes, how even their load is, and what happens when nodes are
// lost.
//   bench_placement [--json] [--quick] [--nodes N] [--jobs N] [--tenants N]      without --nodes: 1,000 and then 10,000
#include "crowd.hpp"

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

using namespace troupe;
using namespace troupe::bench;
namespace json = boost::json;

namespace {

constexpr double work_of_a_job_s = 0.45 * 8 + 0.2 * 15 + 0.1 * 12 + 0.25 * 16;  ///< as `crowd` draws them
constexpr double part_of_slots = 0.6;                                           ///< in use, where there is no queue
constexpr duration settles_in{15'000}, patience{120'000};
/// In two minutes 5 % of what a node of four slots does is one task: of 10,000 nodes one would be farther off by chance.
constexpr duration watched_for{300'000};
constexpr duration a_while{10'000};  ///< 10,000 nodes have done a million jobs after some two minutes

double in_seconds(duration time) { return std::chrono::duration<double>(time).count(); }

/// One size of cluster, and what was seen of it, in the order in which it is told.
class trial {
 public:
  trial(const crowd_options& options, std::size_t jobs) : all_{options}, jobs_(jobs) {
    tell("nodes", options.nodes);
    tell("slots", all_.slots());
    tell("jobs_queued", jobs);
  }
  json::object run() {
    begin();
    full_load();
    lose_the_pool();
    lose_a_tenth("full");
    run_dry();
    part_load();
    account();
    return std::move(told_);
  }

 private:
  template <class Value>
  void tell(const std::string& what, const Value& value) {
    told_[what] = value;
    std::fprintf(stderr, "bench: %s %s\n", what.c_str(), json::serialize(told_[what]).c_str());
  }
  /// @param jobs_per_s  that come meanwhile
  template <class Until>
  duration run_until(Until is_there, duration most, double jobs_per_s = 0) {
    const auto began = all_.now();
    while (!is_there() && all_.now() < began + most) {
      due_ += jobs_per_s * in_seconds(all_.quantum());
      const auto come = static_cast<std::size_t>(due_);
      due_ -= static_cast<double>(come);
      all_.advance(come);
    }
    return all_.now() - began;
  }
  void run_for(duration time, double jobs_per_s = 0) {
    run_until([] { return false; }, time, jobs_per_s);
  }
  void tell_window(const std::string& when) {
    const auto seen = all_.window();
    tell(when + "_use", seen.mean_use);
    tell(when + "_least_to_mean", seen.least);
    tell(when + "_most_to_mean", seen.most);
  }

  void begin();
  void full_load();
  void lose_a_tenth(const std::string& when, double jobs_per_s = 0);
  void lose_the_pool();
  void run_dry();
  void part_load();
  void account();

  crowd all_;
  std::size_t jobs_;
  double due_ = 0;
  json::object told_;
};

void trial::begin() {
  tell("join_core_s", all_.join());
  tell("submissions_per_s", static_cast<double>(jobs_) / all_.submit(jobs_));
  tell("bytes_of_nodes", all_.bytes_of_nodes());
  all_.slots_begin();
  run_for(settles_in);  // until slots do not end in waves any more
}

void trial::full_load() {
  const auto before = all_.spent();
  const auto placed = all_.placements();
  all_.begin_window();
  run_for(settles_in);
  const auto placing = all_.spent().placing - before.placing, reporting = all_.spent().reporting - before.reporting;
  const auto count = static_cast<double>(all_.placements() - placed);
  tell("full_placements", all_.placements() - placed);
  tell("full_placements_per_s_of_a_core", count / placing);
  tell("full_with_reports_per_s_of_a_core", count / (placing + reporting));
  tell("full_with_all_per_s_of_a_core", count / (all_.spent().all() - before.all()));
  tell_window("full");
}

/// Every tenth node falls silent at once, and comes back later. Waits also for what an earlier loss has left.
void trial::lose_a_tenth(const std::string& when, double jobs_per_s) {
  std::vector<std::size_t> tenth;
  for (std::size_t i = 7; i < all_.nodes().size(); i += 10) tenth.push_back((i + i / 10 * 3) % all_.nodes().size());
  double usual = 0;
  run_until([&] { return usual = std::max(usual, all_.farthest_from_even()), false; }, a_while, jobs_per_s);
  const auto spent = all_.spent().all();
  tell(when + "_tasks_lost", all_.lose(tenth));
  tell(when + "_nodes_lost", tenth.size());
  const auto time = run_until([&] { return all_.to_be_placed_again() == 0; }, patience, jobs_per_s);
  tell(when + "_tasks_not_placed_again", all_.to_be_placed_again());
  tell(when + "_placed_again_after_s", in_seconds(time));
  tell(when + "_placed_again_core_s", all_.spent().all() - spent);
  const auto more = run_until([&] { return all_.farthest_from_even() <= usual; }, patience, jobs_per_s);
  tell(when + "_tasks_off_even_before", usual);
  tell(when + "_tasks_off_even_after", all_.farthest_from_even());
  tell(when + "_even_again_after_s", in_seconds(time + more));
  run_for(a_while, jobs_per_s);
  all_.bring_back(tenth);
  run_for(a_while, jobs_per_s);
}

/// All nodes with GPUs at once: what needs them waits and says why, and the rest goes on.
void trial::lose_the_pool() {
  std::vector<std::size_t> pool;
  for (std::size_t i = 0; i < all_.nodes().size(); ++i)
    if (all_.nodes()[i].has_gpu()) pool.push_back(i);
  const auto rate = [&](duration time) {
    const auto before = all_.general_placements();
    run_for(time);
    return static_cast<double>(all_.general_placements() - before) / in_seconds(time);
  };
  tell("pool_nodes_lost", pool.size());
  tell("pool_others_per_s_before", rate(a_while));
  tell("pool_tasks_lost", all_.lose(pool));
  run_for(a_while / 2);  // leases end
  const auto gpu = all_.gpu_placements();
  tell("pool_others_per_s_without", rate(a_while));
  tell("pool_gpu_placements_without", all_.gpu_placements() - gpu);
  tell("pool_reason", all_.why_a_gpu_job_waits());
  all_.bring_back(pool);
  const auto back = run_until([&] { return all_.gpu_placements() > gpu; }, patience);
  tell("pool_back_after_s", in_seconds(back));
}

void trial::run_dry() {
  constexpr duration most = 3h;
  run_until([&] { return all_.succeeded() + all_.ended_badly() == all_.submitted(); }, most);
  tell("dry_after_virtual_s", in_seconds(all_.now() - from_unix_ms(1'700'000'000'000)));
  tell("idle_step_ms", all_.idle_step() * 1e3);
}

/// No queue: each task goes to some node at once.
void trial::part_load() {
  const auto jobs_per_s = part_of_slots * static_cast<double>(all_.slots()) / work_of_a_job_s;
  run_for(2 * settles_in, jobs_per_s);
  all_.begin_window();
  run_for(watched_for, jobs_per_s);
  tell_window("part");
  lose_a_tenth("part", jobs_per_s);
  run_until([&] { return all_.succeeded() + all_.ended_badly() == all_.submitted(); }, 1h);
}

void trial::account() {
  tell("placements", all_.placements());
  tell("jobs", all_.submitted());
  tell("jobs_succeeded", all_.succeeded());
  tell("jobs_lost", all_.submitted() - all_.succeeded());
  tell("ends_doubled", all_.doubled());
  tell("attempts_lost_with_nodes", all_.attempts_lost());
  tell("longest_step_ms", all_.spent().longest_step * 1e3);
  tell("placing_core_s", all_.spent().placing);
  tell("reporting_core_s", all_.spent().reporting);
  tell("supervising_core_s", all_.spent().supervising);
}

void print(const json::object& told) {
  for (const auto& [what, value] : told) fmt::print("{:40} {}\n", std::string_view{what}, json::serialize(value));
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::size_t> sizes{1'000, 10'000};
  std::size_t jobs = 1'000'000;
  crowd_options options;
  bool is_json = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    const auto number = [&] { return i + 1 < argc ? std::strtoull(argv[++i], nullptr, 10) : 0; };
    if (option == "--json") is_json = true;
    if (option == "--quick") sizes = {1'000}, jobs = 100'000;
    if (option == "--nodes") sizes = {number()};
    if (option == "--jobs") jobs = number();
    if (option == "--tenants") options.tenants = std::max<std::uint64_t>(1, number());
  }
  json::array runs;
  for (const auto nodes : sizes) {
    options.nodes = std::max<std::size_t>(1, nodes);
    runs.push_back(trial{options, jobs}.run());
  }
  if (is_json) fmt::print("{}\n", json::serialize(json::object{{"runs", runs}}));
  for (const auto& run : runs)
    if (!is_json) print(run.as_object());
}
