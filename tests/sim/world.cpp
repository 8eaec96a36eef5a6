#include "sim/world.hpp"

#include "sim/life.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::sim {
namespace {
constexpr duration drain_most = 30min;   // virtual time that healed nodes may need to finish everything
constexpr duration settle_most = 10min;  // ... and to come to rest after that
constexpr duration run_most = 3h;        // ... that faults and clients may take
constexpr duration recovery = 5s;        // after a disturbance: an election, and everybody speaks up again
constexpr std::uint64_t jobs_least = 200, faults_least = 5;
}  // namespace

world::world(std::uint64_t seed, bool is_loud, std::uint16_t nodes, std::int64_t hours)
    : dice(seed),
      how(draw_settings(dice, nodes)),
      told(is_loud),
      net(*this),
      judge(*this),
      crowd(*this),
      troubles(*this),
      staff(*this, seed),
      books(*this) {
  if (hours > 0) make_long(how, hours);
  staff.plan_settings();
  for (std::uint16_t i = 0; i < how.nodes; ++i) hosts.push_back(std::make_unique<host>(*this, i));
}

world::~world() { hosts.clear(); }  // what dies with them is told to the judge

host* world::leader() const {
  host* newest = nullptr;
  raft::term at;
  for (const auto& one : hosts) {
    if (!one->node() || one->is_dying() || !one->node()->machine().is_ready()) continue;
    const auto term = one->node()->machine().raft_status().hard.current;
    if (newest && term < at) continue;
    newest = one.get();
    at = term;
  }
  return newest;
}

void world::heal() {
  is_healed_ = true;
  healed_at_ = line.now();
  told.note(line.now(), "healed");
  troubles.end_all();
  staff.end_all();
  net.heal();
  for (const auto& one : hosts) one->start();
}

void world::watch() {
  const auto* const leads = leader();
  const auto is_armed = [](const auto& one) { return one->troubles.armed.has_value(); };
  const auto calm_from = std::max(troubles.calm_from, net.lost_at()) + (how.nodes > 1 ? recovery : duration{0});
  const bool is_calm =
      leads && leads == led_by_ && are_all_up() && line.now() >= calm_from && !std::ranges::any_of(hosts, is_armed);
  led_by_ = leads;
  for (const auto& one : hosts) {
    if (one->node() && !one->is_dying()) one->node()->check_no_slot_starves(is_calm ? &leads->node()->machine() : nullptr);
  }
  line.after(500ms, [this] { watch(); });
}

void world::run() {
  const auto began = line.now();
  line.after(0ms, [this] { hosts[0]->start(); });
  for (std::size_t i = 1; i < hosts.size(); ++i)
    line.after(dice.between(0ms, how.joins_within), [this, i] { hosts[i]->start(); });
  line.after(1s, [this] { watch(); });
  if (how.hours > 0) {
    waves_left_ = how.hours * 1h / wave;
    books.begin();
  }
  begin_wave();
  run_until_done();
  rest();
  counts.steps = line.steps();
  counts.virtual_ms = static_cast<std::uint64_t>((line.now() - began).count());
  if (counts.jobs < jobs_least) throw violation{"world", fmt::format("only {} jobs were made", counts.jobs)};
  if (counts.faults < faults_least) throw violation{"world", fmt::format("only {} faults", counts.faults)};
}

void world::begin_wave() {
  crowd.plan();
  troubles.plan();
  staff.plan();
  if (--waves_left_ > 0) line.after(wave, [this] { begin_wave(); });
}

void world::run_one() {
  line.run_one();
  for (auto* const one : std::exchange(dying_, {})) one->bury();
}

bool world::are_all_up() const {
  return std::ranges::all_of(hosts, [](const auto& one) { return one->is_destroyed() || (one->node() && !one->is_dying()); });
}

/// Nothing is under way anywhere, and all know the same.
bool world::is_quiet() const {
  const auto* const leads = leader();
  if (!leads || !are_all_up()) return false;
  return std::ranges::all_of(hosts, [&](const auto& one) {
    if (one->is_destroyed()) return true;
    return one->node()->is_quiet() && one->node()->machine().applied() == leads->node()->machine().applied();
  });
}

std::string world::where_it_stands() const {
  std::string text;
  for (const auto& one : hosts) {
    if (!one->node()) {
      text += fmt::format("\nnode {}: down", one->index());
      continue;
    }
    const auto& machine = one->node()->machine();
    const auto state = machine.raft_status();
    text += fmt::format("\nnode {}: role {} term {} leader {} log {}..{} commit {} applied {} voters {} learners {}",
                        one->index(), static_cast<int>(state.role), state.hard.current.raw(),
                        state.leader ? state.leader->raw() : 0, state.base.raw(), state.last.raw(), state.commit.raw(),
                        machine.applied().index.raw(), state.members.voters.size(), state.members.learners.size());
  }
  return text;
}

void world::run_until_done() {
  const auto began = line.now();
  while (true) {
    run_one();
    if (!is_healed_ && waves_left_ == 0 && troubles.is_done() && staff.are_done() && crowd.are_done()) {
      // So many answers may have been lost that there are too few jobs.
      if (counts.jobs < jobs_least)
        crowd.wish_after(how.between_wishes_most);
      else {
        if (how.hours > 0) books.check();
        heal();
      }
    }
    if (is_healed_ && crowd.are_done() && judge.is_drained() && staff.have_what_they_want() && is_quiet()) return;
    if (is_healed_ && line.now() - healed_at_ > drain_most) {
      throw violation{"liveness", fmt::format("the healed cluster has not finished after {} min: {}{}",
                                              drain_most.count() / 60'000, judge.names_of_open_jobs(), where_it_stands())};
    }
    if (!is_healed_ && line.now() - began > run_most + how.hours * 1h)
      throw violation{"liveness", "clients do not get their answers" + where_it_stands()};
  }
}

/// Late messages arrive, slots come home, forgotten jobs go; then everything is looked at.
void world::rest() {
  auto until = line.now() + 40s;
  if (how.is_expiring) {
    for (const auto& one : hosts) until = std::max(until, line.now() + (judge.last_expiry() - one->now()) + 5s);
  }
  line.at(until, [] {});
  while (line.now() < until) run_one();
  while (!is_quiet()) {
    run_one();
    if (line.now() > until + settle_most) throw violation{"liveness", "it does not come to rest" + where_it_stands()};
  }
  for (const auto& one : hosts) {
    if (one->is_destroyed()) continue;
    one->node()->check_nothing_piled_up();
    judge.check_end(*one);
  }
  staff.check_end();
  judge.check_log(*leader());
  past.check(*this);
}

}  // namespace troupe::sim
