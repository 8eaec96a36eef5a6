#include "base/plant.hpp"
#include "sim/world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

namespace troupe::sim {
namespace {

struct arguments {
  std::uint64_t seeds = 1000, from = 1;
  std::optional<std::uint64_t> seed;
  plant planted = plant::none;
  std::string looks_for;  // an invariant: violations of others are passed over; a planted bug may break several
  bool is_json = false;
  bool all_plants = false;
  unsigned threads = 1;
  std::uint16_t nodes = 1;  // 0: as many as the seed says
  std::int64_t hours = 0;   // of a long run
};

struct planted_bug {
  plant what;
  const char* breaks;       // the invariant that must find it
  std::uint16_t nodes = 1;  // 0: as many as the seed says
  std::int64_t hours = 0;
};

const std::map<std::string, planted_bug> plants = {{"ack_before_sync", {plant::ack_before_sync, "log"}},
                                                   {"key_outside_batch", {plant::key_outside_batch, "I4"}},
                                                   {"stale_attempt_accepted", {plant::stale_attempt_accepted, "I6"}},
                                                   {"stage_done_not_resent", {plant::stage_done_not_resent, "D6"}},
                                                   {"retry_budget_off_by_one", {plant::retry_budget_off_by_one, "I6"}},
                                                   {"truncate_before_snapshot", {plant::truncate_before_snapshot, "disk"}},
                                                   {"no_pre_vote_fence", {plant::no_pre_vote_fence, "fence", 0}},
                                                   {"stale_leader_read", {plant::stale_leader_read, "I8", 0}},
                                                   {"grant_for_old_ask", {plant::grant_for_old_ask, "D6", 0}},
                                                   {"asks_not_repeated", {plant::asks_not_repeated, "I10", 0}},
                                                   {"learner_counted", {plant::learner_counted, "log", 0}},
                                                   {"snapshot_without_members", {plant::snapshot_without_members, "members", 0}},
                                                   {"duplicate_applied", {plant::duplicate_applied, "I5", 0}},
                                                   {"lease_not_restarted", {plant::lease_not_restarted, "I6", 0}},
                                                   {"pause_outrun", {plant::pause_outrun, "paused", 0}},
                                                   {"event_outlives_job", {plant::event_outlives_job, "flat", 3, 2}}};

struct outcome {
  std::uint64_t seed = 0, hash = 0;
  figures counts;
  std::string violated, what, tail;
  std::uint64_t step = 0;
  std::int64_t at_ms = 0;
  std::vector<ledger::row> kept;  // of a long run
};

constexpr std::uint64_t checked_twice_every = 50;
constexpr std::uint64_t hours_most = 1000;
constexpr std::uint64_t long_seeds_most = 5;  // one should do

outcome run_one(std::uint64_t seed, bool is_loud, std::uint16_t nodes, std::int64_t hours = 0) {
  world of{seed, is_loud, nodes, hours};
  outcome out;
  out.seed = seed;
  try {
    of.run();
  } catch (const violation& found) {
    out.violated = found.invariant;
    out.what = found.what();
    out.tail = of.told.tail();
    out.step = of.line.steps();
    out.at_ms = to_unix_ms(of.line.now()) - 1'700'000'000'000;
  } catch (const std::logic_error& found) {
    out.violated = "state";
    out.what = found.what();
    out.tail = of.told.tail();
  }
  out.hash = of.told.hash();
  out.counts = of.counts;
  if (hours > 0) out.kept = of.books.rows();
  return out;
}

void print(const outcome& found, std::uint16_t nodes) {
  fmt::print("{}VIOLATION of {} in seed {} at step {}, {} ms\n{}\n", found.tail, found.violated, found.seed, found.step,
             found.at_ms, found.what);
  fmt::print("replay it with: sim --nodes {} --seed {}\n", nodes, found.seed);
}

std::string table_of(const figures& sum, bool is_json) {
  const std::pair<const char*, std::uint64_t> rows[] = {{"steps", sum.steps},
                                                        {"virtual_hours", sum.virtual_ms / 3'600'000},
                                                        {"jobs", sum.jobs},
                                                        {"attempts", sum.attempts},
                                                        {"log_entries_replayed", sum.entries},
                                                        {"faults", sum.faults},
                                                        {"crashes", sum.crashes},
                                                        {"graceful_stops", sum.graceful_stops},
                                                        {"writes_lost", sum.writes_lost},
                                                        {"messages_lost", sum.messages_lost},
                                                        {"requests", sum.requests},
                                                        {"answers", sum.answers},
                                                        {"retries", sum.retries},
                                                        {"cancels", sum.cancels},
                                                        {"conflicts", sum.conflicts},
                                                        {"refusals", sum.refusals},
                                                        {"succeeded", sum.succeeded},
                                                        {"failed", sum.failed},
                                                        {"cancelled", sum.cancelled},
                                                        {"dead", sum.dead},
                                                        {"core_steps", sum.core_steps},
                                                        {"frames", sum.frames},
                                                        {"elections", sum.elections},
                                                        {"handovers", sum.handovers},
                                                        {"partitions", sum.partitions},
                                                        {"member_changes", sum.member_changes},
                                                        {"installs", sum.installs},
                                                        {"half_installs", sum.half_installs},
                                                        {"destroyed", sum.destroyed},
                                                        {"reads", sum.reads},
                                                        {"lists", sum.lists},
                                                        {"histories", sum.histories},
                                                        {"operations", sum.operations},
                                                        {"drains", sum.drains},
                                                        {"resumes", sum.resumes},
                                                        {"removals", sum.removals},
                                                        {"pauses", sum.pauses},
                                                        {"frames_overtaken", sum.frames_overtaken},
                                                        {"frames_doubled", sum.frames_doubled}};
  std::string text;
  for (const auto& [name, value] : rows) {
    text += is_json ? fmt::format("{}\"{}\":{}", text.empty() ? "" : ",", name, value) : fmt::format("{:<22}{}\n", name, value);
  }
  return text;
}

/// All seeds, on some threads, each with seeds of its own. Stops at the first violation.
class campaign {
 public:
  explicit campaign(const arguments& how) : how_(how), next_(how.from) {}

  bool run() {
    std::vector<std::thread> crew;
    for (unsigned i = 1; i < how_.threads; ++i) crew.emplace_back([this] { work(); });
    work();
    for (auto& one : crew) one.join();
    return !found_;
  }
  [[nodiscard]] const std::optional<outcome>& found() const { return found_; }
  [[nodiscard]] const figures& sum() const { return sum_; }
  [[nodiscard]] std::uint64_t runs() const { return runs_; }
  /// One line of JSON for programs. A campaign ends with its first violation, so there are none or one.
  [[nodiscard]] std::string json(double seconds) const {
    const auto first =
        found_ ? fmt::format(",\"first_violation_seed\":{},\"violated\":\"{}\"", found_->seed, found_->violated) : "";
    return fmt::format(
        R"({{"bench":"simulation","violations":{}{},"seeds":{},"seconds":{:.1f},"jobs_least":{},"faults_least":{},{}}})",
        found_ ? 1 : 0, first, runs_, seconds, jobs_least_, faults_least_, table_of(sum_, true));
  }

 private:
  void work() {
    while (true) {
      const auto seed = next_++;
      if (seed >= how_.from + how_.seeds || is_over_) return;
      auto out = run_one(seed, false, how_.nodes, how_.hours);
      if (seed % checked_twice_every == 0 && out.violated.empty()
          && run_one(seed, false, how_.nodes, how_.hours).hash != out.hash) {
        out.violated = "determinism";
        out.what = "the same seed gave another run";
      }
      const std::lock_guard guard{lock_};
      sum_.add(out.counts);
      ++runs_;
      if (out.violated.empty()) {
        jobs_least_ = std::min(jobs_least_, out.counts.jobs);
        faults_least_ = std::min(faults_least_, out.counts.faults);
      }
      show_progress();
      if (out.violated.empty() || (!how_.looks_for.empty() && out.violated != how_.looks_for)) continue;
      is_over_ = true;
      if (!found_ || out.seed < found_->seed) found_ = std::move(out);
    }
  }

  void show_progress() {
    const auto now = std::chrono::steady_clock::now();
    if (now < shown_ + std::chrono::seconds{5}) return;
    shown_ = now;
    fmt::print(stderr, "{} of {} seeds\n", runs_, how_.seeds);
  }

  arguments how_;
  std::chrono::steady_clock::time_point shown_ = std::chrono::steady_clock::now();
  std::atomic<std::uint64_t> next_;
  std::atomic<bool> is_over_ = false;
  std::mutex lock_;
  std::optional<outcome> found_;
  figures sum_;
  std::uint64_t runs_ = 0;
  std::uint64_t jobs_least_ = std::numeric_limits<std::uint64_t>::max();  // of the runs that came to their end
  std::uint64_t faults_least_ = jobs_least_;
};

/// A planted bug must be found.
bool finds(const std::string& name, arguments how) {
  active_plant = plants.at(name).what;
  how.looks_for = plants.at(name).breaks;
  how.nodes = plants.at(name).nodes;
  how.hours = plants.at(name).hours;
  if (how.hours > 0) how.seeds = std::min<std::uint64_t>(how.seeds, long_seeds_most);
  campaign all{how};
  const bool is_found = !all.run();
  if (how.is_json) {
    fmt::print("{}\n", all.json(0));
  } else if (is_found) {
    fmt::print("{:<26}found by seed {} with --nodes {}: {}\n", name, all.found()->seed, how.nodes, all.found()->what);
  } else {
    fmt::print("{:<26}NOT FOUND: {} is not violated in {} seeds\n", name, how.looks_for, all.runs());
  }
  return is_found;
}

int run_plants(const arguments& how) {
  bool is_good = true;
  for (const auto& [name, value] : plants) {
    if (how.planted == plant::none || how.planted == value.what) is_good = finds(name, how) && is_good;
  }
  return is_good ? 0 : 1;
}

int run_campaign(const arguments& how) {
  const auto began = std::chrono::steady_clock::now();
  campaign all{how};
  const bool is_clean = all.run();
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  if (how.is_json) {
    if (!is_clean) print(*all.found(), how.nodes);
    fmt::print("{}\n", all.json(seconds));
    return is_clean ? 0 : 1;
  }
  fmt::print("{} seeds in {:.1f} s\n{}", all.runs(), seconds, table_of(all.sum(), false));
  if (!is_clean) print(*all.found(), how.nodes);
  return is_clean ? 0 : 1;
}

/// One world over many hours: what its nodes keep must not grow.
int run_long(const arguments& how) {
  const auto began = std::chrono::steady_clock::now();
  active_plant = how.planted;
  const auto out = run_one(how.seed.value_or(1), false, how.nodes, how.hours);
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  if (!out.violated.empty()) {
    fmt::print("{}VIOLATION of {} in seed {} at step {}, {} ms\n{}\n", out.tail, out.violated, out.seed, out.step, out.at_ms,
               out.what);
    fmt::print("replay it with: sim --nodes {} --hours {} --seed {}\n", how.nodes, how.hours, out.seed);
  }
  std::string rows;
  for (const auto& [what, first, last, most] : out.kept) {
    if (how.is_json)
      rows += fmt::format(R"({}{{"what":"{}","first":{:.2f},"last":{:.2f},"most":{:.2f}}})", rows.empty() ? "" : ",", what, first,
                          last, most);
    else
      fmt::print("{:<32}{:>12.2f} in the first third {:>12.2f} in the last (at most {:.2f})\n", what, first, last, most);
  }
  if (how.is_json) {
    fmt::print(R"({{"bench":"endurance","violations":{},"violated":"{}","seed":{},"hours":{},"seconds":{:.1f},{},"kept":[{}]}})",
               out.violated.empty() ? 0 : 1, out.violated, out.seed, how.hours, seconds, table_of(out.counts, true), rows);
    fmt::print("\n");
  } else {
    fmt::print("{} h in {:.1f} s\n{}", how.hours, seconds, table_of(out.counts, false));
  }
  return out.violated.empty() ? 0 : 1;
}

/// The same seed twice must do the same.
int run_single(std::uint64_t seed, std::uint16_t nodes) {
  const auto first = run_one(seed, true, nodes);
  const auto second = run_one(seed, false, nodes);
  if (first.hash != second.hash) {
    fmt::print("seed {} is not deterministic: {:016x}, then {:016x}\n", seed, first.hash, second.hash);
    return 1;
  }
  fmt::print("seed {} hash {:016x}\n", seed, first.hash);
  if (first.violated.empty()) return 0;
  print(first, nodes);
  return 1;
}

bool read_number(const char* text, std::uint64_t& into) {
  const auto* end = text + std::strlen(text);
  return std::from_chars(text, end, into).ptr == end;
}

std::optional<arguments> read(int count, char** words) {
  arguments how;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const char* value = i + 1 < count ? words[i + 1] : "";
    std::uint64_t number = 0;
    if (word == "--json") {
      how.is_json = true;
      continue;
    }
    if (word == "--plants") {
      how.all_plants = true;
      continue;
    }
    ++i;
    if (word == "--plant") {
      const auto known = plants.find(value);
      if (known == plants.end()) return std::nullopt;
      how.planted = known->second.what;
      continue;
    }
    if (!read_number(value, number)) return std::nullopt;
    if (word == "--seeds")
      how.seeds = number;
    else if (word == "--from")
      how.from = number;
    else if (word == "--seed")
      how.seed = number;
    else if (word == "--nodes" && number <= hosts_most)
      how.nodes = static_cast<std::uint16_t>(number);
    else if (word == "--hours" && number > 0 && number <= hours_most)
      how.hours = static_cast<std::int64_t>(number);
    else if (word == "--threads" && number > 0)
      how.threads = static_cast<unsigned>(number);
    else
      return std::nullopt;
  }
  return how;
}

}  // namespace
}  // namespace troupe::sim

int main(int count, char** words) {
  using namespace troupe::sim;
  const auto how = read(count, words);
  if (!how) {
    fmt::print(
        "usage: sim [--nodes M] [--seeds N] [--from K] [--threads T] [--plant NAME | --plants] [--json] | [--nodes M] --seed S "
        "[--plant NAME] | [--nodes M] --hours H [--seed S] [--plant NAME] [--json]\n"
        "M: 1 to 7, 0 for as many as the seed says\nplants:");
    for (const auto& [name, value] : plants) fmt::print(" {}", name);
    fmt::print("\n");
    return 2;
  }
  if (how->hours > 0) return run_long(*how);
  if (how->seed) {
    troupe::active_plant = how->planted;
    return run_single(*how->seed, how->nodes);
  }
  return how->all_plants || how->planted != troupe::plant::none ? run_plants(*how) : run_campaign(*how);
}
