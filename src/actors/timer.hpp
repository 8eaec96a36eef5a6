#pragma once

#include "actors/internal.hpp"
#include "base/clock.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <vector>

namespace troupe::actors {

/// One timer of an actor, re-armed lazily: a later wish lets the earlier alarm run out and is armed then.
/// An actor that gets `wake` calls `fired`, steps its machine and says `want` again.
class lazy_timer {
 public:
  template <class Self>
  void want(Self* self, timestamp at, timestamp now) {
    if (at == timestamp::max()) return;
    at = std::min(at, now + far_most);
    if (!alarms_.empty() && at >= alarms_.back()) return;
    alarms_.push_back(at);
    self->delayed_anon_send(self, std::max(duration{0}, at - now), wake{});
  }
  /// The nearest alarm has gone off; a first wake may come without one.
  void fired() noexcept {
    if (!alarms_.empty()) alarms_.pop_back();
  }

 private:
  // An alarm cannot be taken back, so one for next week, set anew each time that a nearer one goes off, would pile up.
  static constexpr duration far_most = 1min;
  std::vector<timestamp> alarms_;  // that are on their way, each earlier than the one before it
};

}  // namespace troupe::actors
