#include "sim/host.hpp"

#include "sim/life.hpp"
#include "sim/world.hpp"

#include <algorithm>

namespace troupe::sim {
namespace {
constexpr std::size_t spared_most = 3;
}

host::host(world& in, std::uint16_t index) : in_(in), index_(index), clock_then_(in.line.now()), line_then_(in.line.now()) {
  if (in.how.nodes > 1) jump(in.dice.between(duration{0}, in.how.skew_most));
}

host::~host() = default;

bool host::is_spared() const { return in_.how.hours > 0 && index_ < std::min<std::size_t>(spared_most, in_.hosts.size() - 1); }

timestamp host::now() const { return clock_then_ + (in_.line.now() - line_then_) * rate_ / 1000; }

duration host::real(duration own) const {
  if (rate_ == 1000) return own;
  constexpr duration round_up{1};
  return own * 1000 / rate_ + round_up;
}

void host::jump(duration by) { clock_then_ += by; }

void host::set_rate(std::int64_t permille) {
  clock_then_ = now();
  line_then_ = in_.line.now();
  rate_ = permille;
}

void host::start() {
  if (node_ || is_destroyed_) return;
  ++boot_;
  // Between two starts the clock may have been set, in both directions.
  if (boot_ > 1 && !in_.is_healed() && in_.dice.chance(200)) jump(in_.dice.between(-in_.how.reset_most, in_.how.reset_most));
  in_.told.note(in_.line.now(), "start", index_, boot_);
  node_ = life::start(in_, *this, model::incarnation{boot_});
  in_.net.node_started(*this);
}

void host::crash(ending how_it_ends) { crash_for(how_it_ends, in_.dice.between(10ms, 3s)); }

void host::crash_for(ending how_it_ends, duration away) {
  if (!node_ || is_dying_) return;
  is_dying_ = true;
  dies_by_ = how_it_ends;
  away_ = away;
  in_.dies(*this);
}

void host::destroy() {
  is_destroyed_ = true;
  in_.told.note(in_.line.now(), "destroyed", index_);
  crash(ending::power_lost);
}

bool host::pass(crash_point where) {
  if (troubles.armed != where || is_dying_) return false;
  troubles.armed.reset();
  in_.told.note(in_.line.now(), "crash at", index_, static_cast<std::uint64_t>(where));
  crash(in_.dice.chance(700) ? ending::power_lost : ending::killed);
  return true;
}

void host::bury() {
  is_dying_ = false;
  ++in_.counts.crashes;
  in_.told.note(in_.line.now(), "crash", index_, static_cast<std::uint64_t>(dies_by_));
  node_.reset();
  troubles.armed.reset();
  troubles.stalled_until = in_.line.now();
  if (dies_by_ == ending::power_lost) in_.counts.writes_lost += drive.lose_power(in_.dice);
  in_.crowd.node_died(*this);
  if (dies_by_ == ending::killed) in_.net.node_ended(*this);
  in_.line.after(away_, [this] { start(); });
}

}  // namespace troupe::sim
