#include "sim/ledger.hpp"

#include "sim/life.hpp"
#include "sim/world.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::sim {
namespace {
constexpr duration looks_every = 1min;
constexpr duration warm_up = 10min;  // tables fill, all nodes have joined
constexpr double share_most = 1.05;
constexpr std::size_t thirds = 3;
}  // namespace

duration ledger::span() const { return in_.how.hours * 1h - warm_up; }

void ledger::begin() {
  began_ = in_.line.now() + warm_up;
  in_.line.at(began_, [this] { look(); });
}

void ledger::look() {
  if (in_.is_healed()) return;
  in_.line.after(looks_every, [this] { look(); });
  note("timers that wait", 5, in_.line.waiting());
  for (const auto& one : in_.hosts) {
    const auto& drive = one->drive;
    note("keys of the state on a disk", 10, drive.state().size());
    note("bytes of the state on a disk", 1000, drive.state_bytes());
    note("log entries on a disk", 10, drive.log_size());
    note("bytes of the log on a disk", 1000, drive.log_bytes());
    if (!one->is_spared() || !one->node()) continue;
    const auto& machine = one->node()->machine();
    const auto held = machine.held();
    note("proposals", 1, held.proposals);
    note("requests of clients", 1, held.requests);
    note("asks of slots", 1, held.asks);
    note("leases", 1, held.leases);
    note("reports under way", 1, held.finishing);
    note("signs of progress", 1, held.progress);
    note("writes under way", 1, held.writes);
    note("keys in memory", 5, held.overlaid);
    const auto& table = machine.table();
    note("jobs that have not ended", 2, table.jobs_queued() + table.jobs_running());
    note("running tasks", 1, table.running().size());
    note("tasks that wait for a slot", 2, table.queue().size());
    note("nodes known and removed", 0, table.nodes().size() + table.removed_nodes().size());
    note("reports that slots hold", 1, one->node()->open_reports());
  }
}

void ledger::note(const char* what, double slack, std::size_t value) {
  auto found = std::ranges::find(all_, what, &series::what);
  if (found == all_.end())
    found = all_.insert(found, series{what, slack, std::vector<double>(thirds), std::vector<double>(thirds)});
  const auto third = std::min<std::size_t>(static_cast<std::size_t>((in_.line.now() - began_) * thirds / span()), thirds - 1);
  found->sums[third] += static_cast<double>(value);
  found->counts[third] += 1;
}

std::vector<ledger::row> ledger::rows() const {
  std::vector<row> out;
  for (const auto& one : all_) {
    const auto mean = [&](std::size_t third) { return one.sums[third] / std::max(one.counts[third], 1.0); };
    out.push_back({one.what, mean(0), mean(thirds - 1), mean(0) * share_most + one.slack});
  }
  return out;
}

void ledger::check() const {
  for (const auto& one : rows()) {
    if (one.last <= one.most) continue;
    throw violation{"flat", fmt::format("{}: {:.1f} in the first third of {} h, {:.1f} in the last one, more than {:.1f}",
                                        one.what, one.first, in_.how.hours, one.last, one.most)};
  }
}

}  // namespace troupe::sim
