#include "sim/faults.hpp"

#include "sim/life.hpp"
#include "sim/world.hpp"

namespace troupe::sim {
namespace {
constexpr std::uint64_t kinds_of_host = 14, kinds_of_cluster = 12;
constexpr std::uint64_t last_deadly_kind = 6, stop_kind = 11;  // of a host: these end its process
}  // namespace

void faults::plan() {
  left_ += in_.how.faults;
  const auto span = in_.how.between_wishes_most / 2 * static_cast<std::int64_t>(in_.how.wishes);
  for (std::uint32_t i = 0; i < in_.how.faults; ++i)
    in_.line.after(in_.dice.between(2s, std::max<duration>(span, 10s)), [this] { strike(); });
  if (in_.how.loses_one) in_.line.after(in_.dice.between(10s, std::max<duration>(span, 20s)), [this] { lose_one(); });
}

void faults::disturb(timestamp& until, duration least, duration most) {
  until = in_.line.now() + in_.dice.between(least, most);
  calm_from = std::max(calm_from, until);
}

host& faults::draw_host() {
  auto* const leader = in_.leader();
  if (leader && in_.hosts.size() > 1 && in_.dice.chance(350)) return *leader;
  return *in_.hosts[in_.hosts.size() == 1 ? 0 : in_.dice.below(in_.hosts.size())];
}

host& faults::draw_mortal() {
  while (true) {
    auto& which = draw_host();
    if (!which.is_spared()) return which;
  }
}

void faults::strike() {
  --left_;
  if (in_.is_healed()) return;
  ++in_.counts.faults;
  auto* which = &draw_host();
  const auto kind = in_.dice.below(in_.hosts.size() == 1 ? kinds_of_host : kinds_of_host + kinds_of_cluster);
  if (which->is_spared() && (kind <= last_deadly_kind || kind == stop_kind)) which = &draw_mortal();
  in_.told.note(in_.line.now(), "fault", kind, which->index());
  calm_from = std::max(calm_from, in_.line.now());
  return kind < kinds_of_host ? strike_host(*which, kind) : strike_cluster(kind - kinds_of_host);
}

void faults::strike_host(host& which, std::uint64_t kind) {
  auto& bad = which.troubles;
  switch (kind) {
    case 0: return which.crash(host::ending::power_lost);
    case 1: return which.crash(host::ending::killed);
    case 2:
    case 3:
    case 4:
    case 5: bad.armed = static_cast<crash_point>(in_.dice.below(4)); return;
    case last_deadly_kind: bad.fails_next_write = true; return;
    case 7: return disturb(bad.stalled_until, 500ms, in_.hosts.size() == 1 ? 4s : 12s);
    case 8: return disturb(bad.disk_slow_until, 2s, 15s);
    case 9: return disturb(lossy_until, 2s, 20s);
    case 10: return disturb(workers_ill_until, 2s, 20s);
    case stop_kind:
      if (which.node()) which.node()->stop(in_.dice.between(0s, 4s));
      return;
    case 12:
      which.jump(in_.dice.between(10ms, 5s));
      if (which.node()) which.node()->look_at_clock();
      return;
    default:
      bad.cut_off_slot = static_cast<std::uint16_t>(in_.dice.below(in_.how.slots));
      return disturb(bad.cut_off_until, 3s, 30s);
  }
}

void faults::strike_cluster(std::uint64_t kind) {
  switch (kind) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4: return in_.net.part();
    case 5: return hand_over();
    case 6: {  // ... and nobody hears of the old leader any more
      auto* const old = in_.leader();
      hand_over();
      if (!old) return;
      in_.line.after(in_.dice.between(0ms, 60ms), [this, old] {
        if (!in_.is_healed()) in_.net.isolate(*old, in_.dice.between(500ms, 6s));
      });
      return;
    }
    case 7:
    case 8: return turn_clock(draw_host());
    case 9:
    case 10: {
      const auto away = in_.dice.between(5s, 40s);
      calm_from = std::max(calm_from, in_.line.now() + away);
      return draw_mortal().crash_for(in_.dice.chance(500) ? host::ending::power_lost : host::ending::killed, away);
    }
    default:
      for (const auto& one : in_.hosts)
        if (!one->is_spared()) one->crash(host::ending::power_lost);
  }
}

void faults::hand_over() {
  if (auto* const leader = in_.leader()) leader->node()->deliver(replica::event::step_down{});
}

/// For a while it goes too fast or too slowly.
void faults::turn_clock(host& which) {
  which.set_rate(in_.dice.chance(500) ? in_.dice.between(300, 950) : in_.dice.between(1050, 2000));
  timestamp until{};
  disturb(until, 3s, 30s);
  in_.line.at(until, [&which] {
    which.set_rate(1000);
    if (which.node()) which.node()->look_at_clock();
  });
  if (which.node()) which.node()->look_at_clock();
}

/// Only while the others can still decide without it.
void faults::lose_one() {
  const auto* const leader = in_.leader();
  if (in_.is_healed()) return;
  if (!leader || leader->node()->machine().raft_status().members.voters.size() < 3) {
    in_.line.after(5s, [this] { lose_one(); });
    return;
  }
  ++in_.counts.faults;
  ++in_.counts.destroyed;
  draw_host().destroy();
}

void faults::end_all() {
  const auto now = in_.line.now();
  for (const auto& one : in_.hosts) {
    auto& bad = one->troubles;
    bad.armed.reset();
    bad.fails_next_write = false;
    for (auto* until : {&bad.stalled_until, &bad.disk_slow_until, &bad.cut_off_until}) *until = std::min(*until, now);
    one->set_rate(1000);
    if (one->node()) one->node()->look_at_clock();
  }
  for (auto* until : {&lossy_until, &workers_ill_until}) *until = std::min(*until, now);
  calm_from = std::max(std::min(calm_from, now), now);
}

}  // namespace troupe::sim
