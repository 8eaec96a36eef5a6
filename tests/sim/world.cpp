#include "sim/world.hpp"

#include "sim/life.hpp"

#include <fmt/format.h>

namespace troupe::sim {
namespace {
constexpr duration drain_most = 30min;  // virtual time that a healed node may need to finish everything
constexpr duration run_most = 3h;       // ... that faults and clients may take
constexpr std::uint64_t jobs_least = 200, faults_least = 5;
}  // namespace

world::world(std::uint64_t seed, bool is_loud)
    : dice(seed), how(draw_settings(dice)), told(is_loud), judge(*this), crowd(*this), troubles(*this) {}

world::~world() = default;

void world::start_node() {
  if (node_) return;
  ++boot_;
  // Between two starts the clock may have been set, in both directions.
  if (boot_ > 1 && !is_healed_ && dice.chance(200)) clock_offset = dice.between(-1h, 1h);
  told.note(line.now(), "start", boot_, static_cast<std::uint64_t>(clock_offset.count()));
  node_ = life::start(*this, model::incarnation{boot_});
}

void world::crash(ending how_it_ends) {
  if (!node_ || is_dying_) return;
  is_dying_ = true;
  dies_by_ = how_it_ends;
}

bool world::pass(crash_point where) {
  if (troubles.armed != where || is_dying_) return false;
  troubles.armed.reset();
  told.note(line.now(), "crash at", static_cast<std::uint64_t>(where));
  crash(dice.chance(700) ? ending::power_lost : ending::killed);
  return true;
}

void world::bury_node() {
  is_dying_ = false;
  ++counts.crashes;
  told.note(line.now(), "crash", static_cast<std::uint64_t>(dies_by_));
  node_.reset();
  troubles.armed.reset();
  troubles.stalled_until = line.now();
  if (dies_by_ == ending::power_lost) counts.writes_lost += drive.lose_power(dice);
  crowd.node_died();
  line.after(dice.between(10ms, 3s), [this] { start_node(); });
}

void world::heal() {
  is_healed_ = true;
  healed_at_ = line.now();
  told.note(line.now(), "healed");
  troubles.end_all();
}

void world::watch() {
  if (node_ && !is_dying_) node_->check_no_slot_starves();
  line.after(500ms, [this] { watch(); });
}

void world::run() {
  const auto began = line.now();
  line.after(0ms, [this] { start_node(); });
  line.after(1s, [this] { watch(); });
  crowd.plan();
  troubles.plan();
  run_until_done();
  rest();
  counts.steps = line.steps();
  counts.virtual_ms = static_cast<std::uint64_t>((line.now() - began).count());
  if (counts.jobs < jobs_least) throw violation{"world", fmt::format("only {} jobs were made", counts.jobs)};
  if (counts.faults < faults_least) throw violation{"world", fmt::format("only {} faults", counts.faults)};
}

void world::run_until_done() {
  const auto began = line.now();
  while (true) {
    line.run_one();
    if (is_dying_) bury_node();
    if (!is_healed_ && troubles.is_done() && crowd.are_done()) {
      // So many answers may have been lost that there are too few jobs.
      if (counts.jobs < jobs_least)
        crowd.wish_after(how.between_wishes_most);
      else
        heal();
    }
    if (is_healed_ && crowd.are_done() && judge.is_drained() && node_ && node_->is_quiet()) return;
    if (is_healed_ && line.now() - healed_at_ > drain_most) {
      throw violation{"liveness", fmt::format("the healed node has not finished after {} min: {}", drain_most.count() / 60'000,
                                              judge.names_of_open_jobs())};
    }
    if (!is_healed_ && line.now() - began > run_most) throw violation{"liveness", "clients do not get their answers"};
  }
}

/// Late messages arrive, slots come home, forgotten jobs go; then everything is looked at.
void world::rest() {
  auto until = line.now() + 40s;
  if (how.is_expiring) until = std::max(until, line.now() + (judge.last_expiry() - node_now()) + 5s);
  line.at(until, [] {});
  while (line.now() < until) {
    line.run_one();
    if (is_dying_) bury_node();
  }
  while (!node_ || !node_->is_quiet()) line.run_one();
  node_->check_nothing_piled_up();
  judge.check_end(node_->machine());
}

}  // namespace troupe::sim
