#include "sim/scaling_trial.hpp"

#include "model/table/job_table.hpp"
#include "scaling/scaling.hpp"
#include "support/memory_table_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace troupe::sim {
namespace {

using namespace scaling;

constexpr duration sync = 30s;
constexpr duration demand_lasts = 45min;
constexpr duration late_most = 90s;
/// A change of the load is seen by then: the latest sample, and the longest period.
constexpr duration seen_after = late_most + 60s;
constexpr double minutes_of_a_task = 1;

/// @param noise  of the load, in percent; a target must tolerate both of its ends, or it turns around without end
std::string rules_of(random& dice, std::int64_t noise) {
  const auto queue_alarm = fmt::format(
      "  queue: {{kind: alarm, metric: queue_depth, out: {{above: {}, change: +{}, points: 2, of: {}}}, in: {{below: 10, change: "
      "-{}, points: 3}}}}\n",
      dice.between(20, 60), dice.between(1, 4), dice.between(2, 3), dice.between(1, 3));
  const auto use_target =
      fmt::format("  use: {{kind: target, metric: slot_use, target: {}, above_tolerated: {}, below_tolerated: {}}}\n",
                  dice.between(50, 75), 2 * noise, dice.between(0, 15));
  switch (dice.below(6)) {
    case 0: return queue_alarm;
    case 1: return use_target;
    case 2: return queue_alarm + use_target;
    case 3:
      return fmt::format("  all: {{kind: target, metric: unfinished, total: true, target: 0.75, above_tolerated: {}}}\n",
                         2 * noise);
    case 4:
      return "  queue: {kind: desired-steps, metric: queue_depth, steps: [{up_to: 10, nodes: 1}, {up_to: 50, nodes: 5}, {up_to: "
             "100, nodes: 12}, {nodes: 25}]}\n";
    default:
      return "  queue: {kind: step-adjustments, metric: queue_depth, steps: [{from: 0, change: -1}, {from: 10, change: +2}, "
             "{from: 50, change: \"+50%\"}]}\n";
  }
}

std::string policy_text(random& dice, std::int64_t noise) {
  const auto min = dice.between(1, 3);
  auto bounds =
      fmt::format("min: {}, max: {}, actions_per_hour: {}, pause: 30min", min, dice.between(12, 40), dice.between(4, 20));
  if (dice.chance(400)) bounds += fmt::format(", gpus_per_node: {}, gpu_quota: {}", dice.between(1, 4), dice.between(12, 60));
  if (dice.chance(300)) bounds += fmt::format(", price_per_node_hour: 1.5, cost_per_hour_most: {}", dice.between(10, 50));
  if (dice.chance(500)) bounds += fmt::format(", changes_per_minute: {}", dice.between(1, 6));
  return fmt::format(
      "pool: trial\nlimits: {{{}}}\ncooldown: {{out: {}s, in: {}s}}\nstabilise: {{in: {}s}}\nwarm_up: {}s\nrules:\n{}", bounds,
      dice.between(0, 4) * 60, dice.between(150, 600), dice.between(180, 420), dice.between(120, 240), rules_of(dice, noise));
}

/// An owner of the pool, with the log that it keeps.
struct owner {
  owner(const std::string& text, std::uint64_t its_term)
      : machine(*parse_policy(text, "trial.yaml"), "production"),
        lines(decision_log::head(text, "trial.yaml", "production")),
        term(its_term) {}
  scaler machine;
  decision_log log;
  std::string lines;
  std::uint64_t term;
  bool has_claimed = false;
  std::optional<steps_taken> handed_over;  ///< that it is to be told at its next step
  std::optional<std::string> kept;         ///< by the cluster, as far as it knows
};

/// What really was done, by all owners.
struct what_was_done {
  std::deque<timestamp> steps;                  ///< of the last hour
  std::deque<std::pair<timestamp, int>> moved;  ///< nodes, of the last minute
  std::optional<timestamp> last_out, last_in;
  timestamp paused_until{};
};

class trial {
 public:
  explicit trial(std::uint64_t seed)
      : dice_(seed),
        noise_(dice_.chance(500) ? dice_.between(1, 5) : 0),
        text_(policy_text(dice_, noise_)),
        policy_(*parse_policy(text_, "trial.yaml")) {
    is_faulty_provider_ = dice_.chance(600);
    is_faulty_metrics_ = dice_.chance(700);
    is_faulty_log_ = dice_.chance(300);
    now_ = from_unix_ms(1'767'571'200'000);
    owners_.push_back(std::make_unique<owner>(text_, 1));
    pool_.desired = policy_.bounds.min;
    for (int i = 0; i < pool_.desired; ++i) pool_.machines.push_back(made(machine_state::ready));
    cap_ = policy_.bounds.max;
    if (policy_.bounds.gpu_quota) cap_ = std::min(cap_, *policy_.bounds.gpu_quota / policy_.bounds.gpus_per_node);
    if (policy_.bounds.cost_per_hour_most)
      cap_ =
          std::min(cap_, static_cast<int>(std::floor(*policy_.bounds.cost_per_hour_most / policy_.bounds.price_per_node_hour)));
  }

  scaling_figures run() {
    const auto demand_steps = dice_.between(2, 4);
    for (std::int64_t step = 0; step < demand_steps; ++step) {
      // Half a task more than a whole number: sometimes a node that is needed is free for a moment.
      load_ = dice_.chance(200) ? 0 : static_cast<double>(dice_.between(4, 24)) + 0.5;
      began_ = now_;
      last_direction_ = reversals_ = 0;
      ++figures_.demand_steps;
      for (const auto ends = now_ + demand_lasts; now_ < ends; now_ += sync) one_step();
    }
    check_replay();
    return figures_;
  }

 private:
  machine made(machine_state state) { return {.id = machine_id{++last_id_}, .state = state, .since = now_}; }

  void one_step() {
    boot();
    work();
    measure();
    if (dice_.chance(4)) {  // somebody else owns the pool from now on, and the one before has not noticed yet
      owners_.push_back(std::make_unique<owner>(text_, owners_.back()->term + 1));
      old_acts_until_ = now_ + 5min;
      ++figures_.faults;
    }
    std::vector<std::pair<metric, sample>> came;
    std::erase_if(under_way_, [&](const auto& each) {
      if (each.first > now_) return false;
      came.push_back(each.second);
      note_arrival(each.second);
      return true;
    });
    const bool has_old = owners_.size() > 1 && now_ < old_acts_until_;
    if (has_old && dice_.chance(500)) ask(*owners_[owners_.size() - 2], came);
    ask(*owners_.back(), came);
    if (has_old && dice_.chance(500)) ask(*owners_[owners_.size() - 2], {});
    reconcile();
  }

  void ask(owner& who, const std::vector<std::pair<metric, sample>>& came) {
    if (!who.has_claimed) return claim(who);
    const auto handed_over = std::exchange(who.handed_over, std::nullopt);
    const observation seen{.term = who.term, .now = now_, .samples = came, .machines = pool_, .handed_over = handed_over};
    const auto before = handed_over.value_or(who.machine.remembered().steps);
    const auto d = who.machine.step(seen);
    who.lines += who.log.line(seen, d);
    ++figures_.decisions;
    figures_.held_blind += d.why == reason::metric_missing ? 1 : 0;
    figures_.paused += d.why == reason::runaway ? 1 : 0;
    figures_.capped += d.is_degraded ? 1 : 0;
    if (!keep(who, d)) {
      who.handed_over = before;
      return;
    }
    if (d.why == reason::runaway) {  // since now, unless an owner whose answer was lost began it
      const auto since = who.machine.remembered().steps.paused_since.value_or(now_);
      done_.paused_until = std::max(done_.paused_until, std::min(since, now_) + policy_.bounds.pause);
    }
    if (d.to == d.from) return;
    figures_.steps_of_later_owners += who.term > 1 ? 1 : 0;
    check(d);
    carry_out(d);
  }

  /// Sooner or later: until then the owner before goes on.
  void claim(owner& who) {
    if (dice_.chance(500) || !commit({who.term, std::nullopt})) return;
    who.has_claimed = true;
    newest_claim_ = std::max(newest_claim_, who.term);
    auto left = handover_from(table_.scaling_memory());
    if (!left) throw scaling_violation{"guard", left.error().detail};
    who.handed_over = std::move(left->steps);
  }

  /// An entry of the log can be lost, or its answer.
  bool keep(owner& who, const decision& d) {
    const auto text = to_text({who.machine.remembered().steps, d.to, std::nullopt});
    if (who.kept == text) return true;
    who.kept.reset();
    const bool is_answered = !is_faulty_log_ || !dice_.chance(50);
    figures_.faults += is_answered ? 0 : 1;
    const bool is_kept = (is_answered || dice_.chance(500)) && commit({who.term, text});
    if (!is_kept || !is_answered) return false;
    if (who.term < newest_claim_)
      throw scaling_violation{"term", fmt::format("term {} was obeyed after term {}: {}", who.term, newest_claim_, d.text)};
    who.kept = text;
    return true;
  }

  bool commit(model::scaling_command what) {
    const auto term = what.term;
    const auto effects = table_.apply({now_, std::move(what), std::nullopt}, ++last_index_);
    const auto& reply = std::get<result<model::pause_outcome>>(effects.reply);
    if (!reply && term >= newest_claim_) throw scaling_violation{"term", reply.error().detail};
    figures_.refused_terms += reply ? 0 : 1;
    return reply.has_value();
  }

  void check(const decision& d) {
    check_bounds(d);
    check_guard(d);
    if (d.to < d.from && d.from <= cap_) check_sight(d);
    check_direction(d);
  }

  void check_bounds(const decision& d) {
    const auto by = std::abs(d.to - d.from);
    (d.to > d.from ? figures_.out : figures_.in)++;
    if (d.to<d.from&& static_cast<int>(d.victims.size())> by)
      throw scaling_violation{"busy", fmt::format("{} nodes are to go for {} fewer: {}", d.victims.size(), by, d.text)};
    if (d.to > d.from && d.to > cap_)
      throw scaling_violation{"caps", fmt::format("{} nodes, {} is the most: {}", d.to, cap_, d.text)};
    if (d.to < d.from && d.to < std::min(policy_.bounds.min, cap_))
      throw scaling_violation{"caps", fmt::format("{} nodes, {} is the least: {}", d.to, policy_.bounds.min, d.text)};
    while (!done_.moved.empty() && done_.moved.front().first <= now_ - 1min) done_.moved.pop_front();
    done_.moved.emplace_back(now_, by);
    int moved = 0;
    for (const auto& each : done_.moved) moved += each.second;
    if (policy_.bounds.changes_per_minute && moved > *policy_.bounds.changes_per_minute)
      throw scaling_violation{"caps", fmt::format("{} nodes in a minute: {}", moved, d.text)};
  }

  /// Of the pool, whoever owned it.
  void check_guard(const decision& d) {
    while (!done_.steps.empty() && done_.steps.front() <= now_ - 1h) done_.steps.pop_front();
    done_.steps.push_back(now_);
    if (static_cast<int>(done_.steps.size()) > *policy_.bounds.actions_per_hour)
      throw scaling_violation{"guard", fmt::format("{} steps in an hour: {}", done_.steps.size(), d.text)};
    if (now_ < done_.paused_until) throw scaling_violation{"guard", "a step while paused: " + d.text};
    const bool is_out = d.to > d.from;
    const auto rests = [&](const std::optional<timestamp>& since, duration lasts) { return since && now_ < *since + lasts; };
    if (is_out && rests(done_.last_out, policy_.cooldown_out))
      throw scaling_violation{"guard", "out while it cools down: " + d.text};
    if (!is_out && (rests(done_.last_in, policy_.cooldown_in) || rests(done_.last_out, policy_.cooldown_in)))
      throw scaling_violation{"guard", "in while it cools down: " + d.text};
    (is_out ? done_.last_out : done_.last_in) = now_;
  }

  void check_direction(const decision& d) {
    const int direction = d.to > d.from ? 1 : -1;
    if (now_ < began_ + seen_after) return;
    if (last_direction_ != 0 && direction != last_direction_) {
      ++figures_.reversals;
      if (++reversals_ > 1)
        throw scaling_violation{"reversal", fmt::format("turned around {} times within one step of the load, {} tasks: {}",
                                                        reversals_, load_, d.text)};
    }
    last_direction_ = direction;
  }

  void check_sight(const decision& d) const {
    for (const auto& each : policy_.rules) {
      const auto found = newest_.find(metric_of(each));
      const bool sees =
          found != newest_.end() && std::isfinite(found->second.value) && found->second.at >= now_ - policy_.stale_after;
      if (!sees) throw scaling_violation{"blind", fmt::format("rule '{}' sees nothing, and yet: {}", each.name, d.text)};
    }
  }

  void carry_out(const decision& d) {
    for (const auto id : d.victims) end(id, d.text);
    pool_.desired = d.to;
  }

  void end(machine_id id, const std::string& why) {
    const auto found = std::ranges::find(pool_.machines, id, &machine::id);
    if (found == pool_.machines.end()) return;
    if (found->busy > 0) throw scaling_violation{"busy", fmt::format("node {} had work and was ended: {}", id.raw(), why)};
    if (is_faulty_provider_ && dice_.chance(100)) {  // it does not take it back this time
      ++figures_.faults;
      return;
    }
    pool_.machines.erase(found);
  }

  /// What is missing is asked for, what is too much goes: that is not the machine's business.
  void reconcile() {
    const int there = static_cast<int>(pool_.machines.size());
    for (const auto id : pick_victims(pool_, there - pool_.desired, 100)) {
      if (there > pool_.desired) end(id, "too many");
    }
    for (int i = there; i < pool_.desired; ++i) {
      boots_after_[machine_id{last_id_ + 1}] = 1min;
      if (is_faulty_provider_) {
        const auto fate = dice_.below(10);
        figures_.faults += fate < 5 ? 1 : 0;
        if (fate == 0) return;  // refuses
        if (fate == 1) boots_after_[machine_id{last_id_ + 1}] = 1000h;
        if (fate == 2 || fate == 3) boots_after_[machine_id{last_id_ + 1}] = dice_.between(duration{5min}, duration{20min});
        if (fate == 4) pool_.machines.push_back(made(machine_state::booting));
      }
      pool_.machines.push_back(made(machine_state::booting));
    }
  }

  void boot() {
    for (auto& each : pool_.machines) {
      const auto after = boots_after_.contains(each.id) ? boots_after_[each.id] : duration{1min};
      if (each.state != machine_state::booting || each.since + after > now_) continue;
      each.state = machine_state::ready;
      each.since = now_;
    }
  }

  /// The load flows: what cannot be done at once waits.
  void work() {
    const double ready = pool_.count(machine_state::ready);
    const double minutes = std::chrono::duration<double, std::ratio<60>>(sync).count() / minutes_of_a_task;
    const double load = load_ * (1 + static_cast<double>(dice_.between(-noise_ * 10, noise_ * 10)) / 1000);
    const double wants = load + queue_ / minutes;
    busy_ = std::min(ready, wants);
    queue_ = std::max(0.0, queue_ + (load - busy_) * minutes);
    if (queue_ < 1e-9) queue_ = 0;
    auto marked = static_cast<int>(dice_.chance(500) ? std::ceil(busy_) : std::floor(busy_));
    for (auto& each : pool_.machines) each.busy = each.state == machine_state::ready && marked-- > 0 ? 1 : 0;
  }

  void measure() {
    const auto ready = pool_.count(machine_state::ready);
    const std::pair<metric_kind, double> values[] = {
        {metric_kind::queue_depth, queue_},
        {metric_kind::unfinished, queue_ + busy_},
        {metric_kind::slot_use, ready == 0 ? std::numeric_limits<double>::quiet_NaN() : 100 * busy_ / ready}};
    if (is_faulty_metrics_ && now_ >= trouble_until_ && dice_.chance(20)) {
      trouble_ = static_cast<int>(dice_.below(3));
      trouble_until_ = now_ + dice_.between(duration{1min}, duration{10min});
      ++figures_.faults;
    }
    const bool is_troubled = now_ < trouble_until_;
    for (const auto& [kind, value] : values) {
      if (is_troubled && trouble_ == 0) continue;  // missing
      const bool is_broken = is_troubled && trouble_ == 1;
      const auto delay = is_troubled && trouble_ == 2 ? dice_.between(duration{0}, late_most) : duration{0};
      under_way_.emplace_back(
          now_ + delay, std::pair{metric{kind, ""}, sample{now_, is_broken ? std::numeric_limits<double>::quiet_NaN() : value}});
    }
  }

  void note_arrival(const std::pair<metric, sample>& one) {
    auto& newest = newest_[one.first];
    if (one.second.at >= newest.at) newest = one.second;
  }

  void check_replay() {
    for (const auto& each : owners_) {
      const auto again = replay(each->lines, "trial.log");
      if (!again) throw scaling_violation{"replay", again.error().detail};
      if (again->differ > 0) throw scaling_violation{"replay", again->first_difference};
      figures_.replayed += again->decisions;
    }
  }

  random dice_;
  std::int64_t noise_;  // of the load, in percent
  std::string text_;
  policy_set policy_;
  timestamp now_{}, began_{}, old_acts_until_{}, trouble_until_{};
  fleet pool_;
  std::uint64_t last_id_ = 0;
  std::vector<std::unique_ptr<owner>> owners_;
  // The cluster's log, as far as it has to do with scaling.
  testing::memory_table_store store_;
  model::job_table table_{store_};
  std::uint64_t last_index_ = 0, newest_claim_ = 0;
  what_was_done done_;
  std::map<machine_id, duration> boots_after_;
  std::vector<std::pair<timestamp, std::pair<metric, sample>>> under_way_;
  std::map<metric, sample> newest_;
  double load_ = 0, queue_ = 0, busy_ = 0;
  int cap_ = 0, last_direction_ = 0, reversals_ = 0, trouble_ = 0;
  bool is_faulty_provider_ = false, is_faulty_metrics_ = false, is_faulty_log_ = false;
  scaling_figures figures_;
};

}  // namespace

scaling_figures run_scaling_trial(std::uint64_t seed) { return trial{seed}.run(); }

}  // namespace troupe::sim
