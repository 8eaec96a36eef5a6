#include "persistence/artifacts/collector.hpp"

#include "base/log.hpp"

#include <algorithm>

namespace troupe::artifacts {
namespace {

/// Keeps the `most` oldest.
void shorten(std::vector<stored_artifact>& found, std::size_t most) {
  std::ranges::sort(found, {}, &stored_artifact::touched);
  if (found.size() > most) found.resize(most);
}

}  // namespace

result<bool> collector::run(const round& how) {
  if (next_first_ == 0) pass_artifacts_ = pass_bytes_ = 0;
  reference_slice known{next_first_, options_.references_most};
  TROUPE_CHECK(how.gather(known));
  known.close();
  const auto artifacts_before = pass_artifacts_, bytes_before = pass_bytes_;
  auto done = [&]() -> result<bool> {
    TROUPE_TRY(const auto old, candidates(known, how.as_of));
    if (how.may_remove) TROUPE_CHECK(remove(old, how.as_of));
    if (!how.on_lasting) return true;
    return visit_lasting(known, how);
  }();
  if (done && *done) {
    end_part(known);
    return known.reaches_the_end();
  }
  pass_artifacts_ = artifacts_before;
  pass_bytes_ = bytes_before;
  return done;
}

void collector::begin_anew() {
  next_first_ = 0;
  visited_to_.reset();
}

collector_figures collector::figures() const {
  const std::lock_guard lock{mutex_};
  return figures_;
}

result<std::vector<stored_artifact>> collector::candidates(const reference_slice& known, timestamp as_of) {
  const auto until = as_of - std::max(age_least, is_short_of_room() ? options_.grace_least : options_.grace);
  std::vector<stored_artifact> found;
  for (auto part = static_cast<unsigned>(known.first() >> 56); part <= known.last() >> 56; ++part) {
    TROUPE_CHECK(store_.walk(part, [&](const stored_artifact& each) {
      if (!known.covers(each.hash)) return true;
      ++pass_artifacts_;
      pass_bytes_ += each.size.count();
      if (each.touched <= until && known.use_of(each.hash) == reference_slice::use::none) found.push_back(each);
      if (found.size() >= 2 * options_.removals_most) shorten(found, options_.removals_most);
      return true;
    }));
  }
  shorten(found, options_.removals_most);
  return found;
}

result<void> collector::remove(const std::vector<stored_artifact>& oldest_first, timestamp as_of) {
  const auto patient_until = as_of - std::max(age_least, options_.grace);
  std::uint64_t removed = 0, freed = 0;
  result<void> done;
  for (const auto& each : oldest_first) {
    const bool is_early = each.touched > patient_until;
    if (is_early && !is_short_of_room()) break;  // there is room again
    const auto gone = store_.remove(each.hash, each.touched);
    if (!gone) done = gone.error();
    if (!gone) break;
    if (!*gone) continue;
    ++removed;
    freed += each.size.count();
    log::debug("artifact_collected", "artifact={} bytes={} early={}", each.hash.hex(), each.size.count(), is_early);
  }
  if (removed > 0) log::info("artifacts_collected", "artifacts={} bytes={}", removed, freed);
  pass_artifacts_ -= removed;
  pass_bytes_ -= freed;
  const std::lock_guard lock{mutex_};
  figures_.collected += removed;
  figures_.freed = figures_.freed + bytes{freed};
  return done;
}

result<bool> collector::visit_lasting(const reference_slice& known, const round& how) {
  for (auto part = static_cast<unsigned>(known.first() >> 56); part <= known.last() >> 56; ++part) {
    std::vector<digest> lasting;  // visited after the walk: it may take long
    TROUPE_CHECK(store_.walk(part, [&](const stored_artifact& each) {
      const bool is_next = !visited_to_ || each.hash > *visited_to_;
      if (is_next && known.covers(each.hash) && known.use_of(each.hash) == reference_slice::use::lasting)
        lasting.push_back(each.hash);
      return true;
    }));
    std::ranges::sort(lasting);
    for (std::span rest{lasting}; !rest.empty();) {
      const auto some = rest.first(std::min(rest.size(), lasting_at_a_time));
      if (!how.on_lasting(some)) return false;
      visited_to_ = some.back();
      rest = rest.subspan(some.size());
    }
  }
  return true;
}

void collector::end_part(const reference_slice& known) {
  next_first_ = known.next_first();
  if (!known.reaches_the_end()) return;
  visited_to_.reset();
  const std::lock_guard lock{mutex_};
  figures_.artifacts = pass_artifacts_;
  figures_.size = bytes{pass_bytes_};
  ++figures_.passes;
}

}  // namespace troupe::artifacts
