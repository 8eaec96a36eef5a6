#include "sim/faults.hpp"

#include "sim/life.hpp"
#include "sim/world.hpp"

namespace troupe::sim {

void faults::plan() {
  left_ = in_.how.faults;
  const auto span = in_.how.between_wishes_most / 2 * static_cast<std::int64_t>(in_.how.wishes);
  for (std::uint32_t i = 0; i < left_; ++i)
    in_.line.after(in_.dice.between(2s, std::max<duration>(span, 10s)), [this] { strike(); });
}

void faults::disturb(timestamp& until, duration least, duration most) {
  until = in_.line.now() + in_.dice.between(least, most);
  calm_from = std::max(calm_from, until);
}

void faults::strike() {
  --left_;
  if (in_.is_healed()) return;
  ++in_.counts.faults;
  const auto kind = in_.dice.below(14);
  in_.told.note(in_.line.now(), "fault", kind);
  calm_from = std::max(calm_from, in_.line.now());
  switch (kind) {
    case 0: return in_.crash(world::ending::power_lost);
    case 1: return in_.crash(world::ending::killed);
    case 2:
    case 3:
    case 4:
    case 5: armed = static_cast<crash_point>(in_.dice.below(4)); return;
    case 6: fails_next_write = true; return;
    case 7: return disturb(stalled_until, 500ms, 4s);
    case 8: return disturb(disk_slow_until, 2s, 15s);
    case 9: return disturb(lossy_until, 2s, 20s);
    case 10: return disturb(workers_ill_until, 2s, 20s);
    case 11:
      if (!in_.node()) return;
      in_.node()->stop(in_.dice.between(0s, 4s));
      return;
    case 12:
      in_.clock_offset += in_.dice.between(10ms, 5s);
      if (in_.node()) in_.node()->look_at_clock();
      return;
    default: cut_off_slot = static_cast<std::uint16_t>(in_.dice.below(in_.how.slots)); return disturb(cut_off_until, 3s, 30s);
  }
}

void faults::end_all() {
  armed.reset();
  fails_next_write = false;
  const auto now = in_.line.now();
  for (auto* until : {&stalled_until, &disk_slow_until, &lossy_until, &workers_ill_until, &cut_off_until})
    *until = std::min(*until, now);
  calm_from = std::max(std::min(calm_from, now), now);
}

}  // namespace troupe::sim
