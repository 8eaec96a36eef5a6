#include "scaling/simulate.hpp"

#include "model/degradation.hpp"

#include <algorithm>
#include <cmath>
#include <queue>

namespace troupe::scaling {
namespace {

constexpr duration wait_window = 5min;
constexpr duration request_window = 1min;
constexpr duration drains_for = 24h;

/// splitmix64 (Steele, Lea, Flood 2014): the n-th number of a seed.
std::uint64_t mixed(std::uint64_t seed, std::uint64_t n) noexcept {
  auto z = seed * 0x632be59bd9b4e019u + (n + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}
double share(std::uint64_t number) noexcept { return static_cast<double>(number >> 11) * 0x1.0p-53; }

struct task {
  timestamp comes{};
  duration takes{};
};

/// A part of what has happened lately.
class recent {
 public:
  void add(timestamp at, double value) { all_.emplace_back(at, value); }
  void forget(timestamp before) {
    while (!all_.empty() && all_.front().first <= before) all_.pop_front();
  }
  [[nodiscard]] std::size_t count() const noexcept { return all_.size(); }
  [[nodiscard]] double p95() {
    if (all_.empty()) return 0;
    scratch_.clear();
    for (const auto& each : all_) scratch_.push_back(each.second);
    const auto at = static_cast<std::ptrdiff_t>(scratch_.size() * 95 / 100);
    std::ranges::nth_element(scratch_, scratch_.begin() + std::min<std::ptrdiff_t>(at, std::ssize(scratch_) - 1));
    return scratch_[static_cast<std::size_t>(std::min<std::ptrdiff_t>(at, std::ssize(scratch_) - 1))];
  }

 private:
  std::deque<std::pair<timestamp, double>> all_;
  std::vector<double> scratch_;
};

class world {
 public:
  world(const trace& load, const world_options& options) : load_(load), options_(options), now_(options.begins) {
    for (int i = 0; i < options.first_nodes; ++i) add(machine_state::ready);
    pool_.desired = options.first_nodes;
    arrange_row();
  }

  simulated run(const pilot& decides, const witness& sees) {
    const auto ends = options_.begins + load_.lasts;
    while (now_ < ends || (has_work() && now_ < ends + drains_for)) {
      const auto seen = observe();
      const auto d = decides(seen);
      if (sees) sees(seen, d);
      ++out_.decisions;
      carry_out(d);
      note();
      advance(now_ + options_.step);
    }
    return finish();
  }

 private:
  [[nodiscard]] bool has_work() const noexcept { return !waiting_.empty() || busy_ > 0; }

  void add(machine_state state) {
    pool_.machines.push_back({.id = machine_id{++last_id_}, .state = state, .since = now_, .slots = options_.slots_per_node});
  }

  /// The tasks of the next row, in order of time.
  void arrange_row() {
    coming_.clear();
    next_ = 0;
    if (row_ >= load_.rows.size()) return;
    const auto& row = load_.rows[row_];
    const auto until = row_ + 1 < load_.rows.size() ? load_.rows[row_ + 1].at : load_.lasts;
    for (std::uint32_t i = 0; i < row.arrivals; ++i) {
      const auto chance = share(mixed(options_.seed, 2 * drawn_));
      const auto length = 0.5 + share(mixed(options_.seed, 2 * drawn_ + 1));
      ++drawn_;
      const auto offset = std::chrono::duration_cast<duration>((until - row.at) * chance);
      coming_.push_back({options_.begins + row.at + offset,
                         duration{std::max<std::int64_t>(1, std::llround(row.service_seconds * length * 1000))}});
    }
    std::ranges::sort(coming_, {}, &task::comes);
    row_ends_ = options_.begins + until;
  }

  observation observe() {
    waits_.forget(now_ - wait_window);
    runs_.forget(now_ - wait_window);
    requests_.forget(now_ - request_window);
    observation seen{.term = 1, .now = now_, .samples = {}, .machines = pool_};
    const int ready = pool_.count(machine_state::ready);
    const double use = ready == 0 ? 0 : 100.0 * busy_ / (ready * options_.slots_per_node);
    const auto add_metric = [&](metric_kind kind, double value) {
      seen.samples.push_back({metric{kind, ""}, sample{now_, value}});
    };
    add_metric(metric_kind::queue_depth, static_cast<double>(waiting_.size()));
    for (const auto each : model::all_job_classes) {  // all jobs of a trace are normal ones
      const auto of_class = each == model::job_class::normal ? static_cast<double>(waiting_.size()) : 0.0;
      seen.samples.push_back({metric{metric_kind::queue_depth, to_string(each)}, sample{now_, of_class}});
    }
    add_metric(metric_kind::unfinished, static_cast<double>(waiting_.size()) + busy_);
    add_metric(metric_kind::oldest_age,
               waiting_.empty() ? 0 : std::chrono::duration<double>(now_ - waiting_.front().comes).count());
    add_metric(metric_kind::wait_p95, last_wait_ = waits_.p95());
    add_metric(metric_kind::run_p95, runs_.p95());
    if (ready > 0) {  // an average over nodes needs one
      add_metric(metric_kind::slot_use, use);
      add_metric(metric_kind::gpu_use, use);
      add_metric(metric_kind::cpu_use, use);
      add_metric(metric_kind::active_tasks_per_node, static_cast<double>(busy_) / ready);
      add_metric(metric_kind::requests_per_node, static_cast<double>(requests_.count()) / ready);
      add_metric(metric_kind::memory_use, use);
      add_metric(metric_kind::connections, static_cast<double>(waiting_.size() + static_cast<std::size_t>(busy_)) / ready);
    }
    add_metric(metric_kind::error_rate, 0);
    return seen;
  }

  void carry_out(const decision& d) {
    const int direction = d.to > d.from ? 1 : d.to < d.from ? -1 : 0;
    if (direction != 0) {
      (direction > 0 ? out_.steps_out : out_.steps_in)++;
      if (last_direction_ != 0 && direction != last_direction_) ++out_.reversals;
      last_direction_ = direction;
    }
    for (const auto id : d.victims) {
      const auto found = std::ranges::find(pool_.machines, id, &machine::id);
      if (found == pool_.machines.end()) continue;
      if (found->busy > 0) ++out_.busy_ended;
      pool_.machines.erase(found);
    }
    pool_.desired = d.to;
    while (static_cast<int>(pool_.machines.size()) < pool_.desired) add(machine_state::booting);
    out_.nodes_most = std::max(out_.nodes_most, static_cast<int>(pool_.machines.size()));
  }

  void note() {
    out_.moments.push_back({std::chrono::duration<double, std::ratio<3600>>(now_ - options_.begins).count(), came_,
                            static_cast<std::uint32_t>(waiting_.size()), busy_, pool_.desired, pool_.count(machine_state::ready),
                            last_wait_, out_.node_hours * options_.price_per_node_hour});
    came_ = 0;
  }

  /// Everything that happens until then, in order: a node is ready, a task ends, a task comes.
  void advance(timestamp until) {
    out_.node_hours +=
        std::chrono::duration<double, std::ratio<3600>>(until - now_).count() * static_cast<double>(pool_.machines.size());
    while (true) {
      while (next_ >= coming_.size() && row_ + 1 < load_.rows.size() && row_ends_ < until) {
        ++row_;
        arrange_row();
      }
      auto when = until;
      auto* boots = static_cast<machine*>(nullptr);
      for (auto& each : pool_.machines) {
        if (each.state == machine_state::booting && each.since + options_.boots_for < when) {
          when = each.since + options_.boots_for;
          boots = &each;
        }
      }
      const bool ends = !running_.empty() && running_.top().first < when;
      if (ends) when = running_.top().first;
      const bool comes = next_ < coming_.size() && coming_[next_].comes < when;
      if (comes) when = coming_[next_].comes;
      if (when >= until) break;
      now_ = when;
      if (comes) {
        waiting_.push_back(coming_[next_++]);
        requests_.add(now_, 1);
        ++came_;
      } else if (ends) {
        end_task();
      } else if (boots) {
        boots->state = machine_state::ready;
        boots->since = now_;
      }
      start_tasks();
    }
    now_ = until;
  }

  void end_task() {
    const auto where = std::ranges::find(pool_.machines, running_.top().second, &machine::id);
    running_.pop();
    --busy_;
    if (where != pool_.machines.end()) --where->busy;
  }

  /// The first of the queue goes to the fullest node that has room, the oldest of those, so that the others can leave.
  void start_tasks() {
    while (!waiting_.empty()) {
      machine* best = nullptr;
      for (auto& each : pool_.machines) {
        if (each.state == machine_state::ready && each.busy < each.slots && (!best || each.busy > best->busy)) best = &each;
      }
      if (!best) return;
      const auto first = waiting_.front();
      waiting_.pop_front();
      ++best->busy;
      ++busy_;
      const auto waited = std::chrono::duration<double>(now_ - first.comes).count();
      const auto takes = std::chrono::duration<double>(first.takes).count();
      waits_.add(now_, waited);
      runs_.add(now_, takes);
      all_waits_.push_back(static_cast<float>(waited));
      paid_work_ += takes;
      running_.emplace(now_ + first.takes, best->id);
    }
  }

  simulated finish() {
    out_.tasks = all_waits_.size();
    out_.cost = out_.node_hours * options_.price_per_node_hour;
    out_.use = out_.node_hours == 0 ? 0 : paid_work_ / 36 / (out_.node_hours * options_.slots_per_node);
    std::ranges::sort(all_waits_);
    const auto at = [&](double part) {
      if (all_waits_.empty()) return 0.0;
      const auto index = static_cast<std::size_t>(std::ceil(part * static_cast<double>(all_waits_.size()))) - 1;
      return static_cast<double>(all_waits_[std::min(index, all_waits_.size() - 1)]);
    };
    double sum = 0;
    for (const auto each : all_waits_) sum += each;
    out_.wait_mean = all_waits_.empty() ? 0 : sum / static_cast<double>(all_waits_.size());
    out_.wait_p50 = at(0.5);
    out_.wait_p95 = at(0.95);
    out_.wait_p99 = at(0.99);
    out_.wait_most = at(1);
    return std::move(out_);
  }

  const trace& load_;
  const world_options& options_;
  timestamp now_, row_ends_{};
  fleet pool_;
  std::uint64_t last_id_ = 0, drawn_ = 0;
  std::size_t row_ = 0, next_ = 0;
  std::vector<task> coming_;
  std::deque<task> waiting_;
  using ending = std::pair<timestamp, machine_id>;
  std::priority_queue<ending, std::vector<ending>, std::greater<>> running_;
  int busy_ = 0, last_direction_ = 0;
  std::uint32_t came_ = 0;
  double last_wait_ = 0, paid_work_ = 0;
  recent waits_, runs_, requests_;
  std::vector<float> all_waits_;
  simulated out_;
};

}  // namespace

int nodes_at_first(const trace& load, int slots_per_node) noexcept {
  constexpr duration looked_at = 5min;
  double work_seconds = 0;
  for (const auto& each : load.rows) {
    if (each.at < looked_at) work_seconds += each.arrivals * each.service_seconds;
  }
  const double busy =
      work_seconds / std::chrono::duration<double>(std::min(looked_at, std::max(load.lasts, duration{1s}))).count();
  return std::max(1, static_cast<int>(std::ceil(busy / 0.7 / slots_per_node)));
}

double simulated::score() const noexcept { return cost * std::max(1.0, wait_p95); }

simulated simulate(const trace& load, const world_options& options, const pilot& decides, const witness& sees) {
  return world{load, options}.run(decides, sees);
}

}  // namespace troupe::scaling
