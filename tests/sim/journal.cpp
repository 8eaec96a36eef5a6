#include "sim/journal.hpp"

#include "sim/life.hpp"
#include "sim/world.hpp"

#include <algorithm>
#include <iterator>

namespace troupe::sim {

void journal::put(std::vector<replica::persist_batch> batches) {
  std::move(batches.begin(), batches.end(), std::back_inserter(queue_));
  if (!is_busy_ && !queue_.empty()) begin();
}

duration journal::latency(duration most) {
  const bool is_slow = in_.line.now() < of_.on().troubles.disk_slow_until;
  return is_slow ? in_.dice.between(50ms, 2s) : in_.dice.between(0ms, most);
}

void journal::begin() {
  is_busy_ = true;
  const auto installs = std::find_if(queue_.begin(), queue_.end(), [](const auto& batch) { return batch.install.has_value(); });
  // An installation is a write of its own.
  const auto most = installs == queue_.begin() ? 1u : static_cast<std::uint64_t>(installs - queue_.begin());
  const auto count = in_.dice.chance(700) ? most : 1 + in_.dice.below(most);
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
  disk::batches group{std::make_move_iterator(queue_.begin()), std::make_move_iterator(end)};
  queue_.erase(queue_.begin(), end);
  of_.later(latency(in_.how.write_most), [this, group = std::move(group)]() mutable { write(std::move(group)); });
}

void journal::write(disk::batches group) {
  const bool installs = group.front().install.has_value();
  if (of_.on().pass(crash_point::before_write)) {
    if (!installs || in_.dice.chance(500)) return;
    ++in_.counts.half_installs;
    return of_.on().drive.lose_shard();
  }
  auto& bad = of_.on().troubles;
  if (bad.fails_next_write) {
    bad.fails_next_write = false;
    if (!installs && in_.dice.chance(500))
      of_.on().drive.write(std::move(group));  // what a failed write left behind is not known
    in_.told.note(in_.line.now(), "write failed");
    return of_.on().crash(host::ending::power_lost);
  }
  const auto upto = group.back().number;
  const bool needs_sync = std::any_of(group.begin(), group.end(), [](const auto& batch) { return batch.sync; });
  in_.told.note(in_.line.now(), "written", upto, group.size(), needs_sync ? 1 : 0);
  of_.on().drive.write(std::move(group));
  if (installs) ++in_.counts.installs;
  in_.judge.state_written(of_.on());
  if (of_.on().pass(crash_point::before_sync)) return;
  if (!needs_sync) return report(upto);
  of_.later(latency(in_.how.sync_most), [this, upto] { sync(upto); });
}

void journal::sync(std::uint64_t upto) {
  of_.on().drive.sync();
  in_.told.note(in_.line.now(), "synced", upto);
  if (of_.on().pass(crash_point::before_report)) return;
  report(upto);
}

void journal::report(std::uint64_t upto) {
  is_busy_ = false;
  of_.deliver(replica::event::persisted{upto});
  if (!queue_.empty()) begin();
}

}  // namespace troupe::sim
