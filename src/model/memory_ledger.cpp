#include "model/memory_ledger.hpp"

#include <algorithm>
#include <utility>

namespace troupe::model {

void memory_ledger::begin_attempt(std::uint16_t slot) {
  auto& own = accounts_[slot];
  own.is_busy = true;
  if (std::exchange(own.is_dropping, false)) serve_line();  // it will not drop soon: others have to
}

memory_ledger::answer memory_ledger::claim(std::uint16_t slot, bytes amount) {
  if (amount > budget_) return ++counts_.refused, answer::never;
  if (!line_.empty()) return answer::busy;  // whoever waits would wait for ever behind small claims
  const auto others = in_use_beside(slot);
  if (others + amount <= budget_) return grant(slot, amount);
  const auto after_drops = others.count() - droppable_beside(slot).count();
  if (after_drops + amount.count() > budget_.count()) return answer::busy;
  ++counts_.waited;
  line_.push_back({slot, amount});
  serve_line();
  return answer::waits;
}

memory_ledger::answer memory_ledger::wait_for(std::uint16_t slot, bytes amount) {
  auto& own = accounts_[slot];
  own = {.held = {}, .kept = {}, .priority = 0, .is_busy = true, .is_dropping = false};
  if (amount > budget_) {
    ++counts_.refused;
    serve_line();
    return answer::never;
  }
  line_.push_back({slot, amount});
  serve_line();
  const auto named = std::ranges::find(news_.granted, slot);
  if (named != news_.granted.end()) {
    news_.granted.erase(named);
    return answer::granted;
  }
  ++counts_.waited;
  return answer::waits;
}

void memory_ledger::end_attempt(std::uint16_t slot, bytes kept, duration worth) {
  std::erase_if(line_, [slot](const waiter& one) { return one.slot == slot; });
  const auto size = static_cast<double>(std::max<std::uint64_t>(kept.count(), 1));
  // GreedyDual-Size (Cao and Irani, 1997): what is cheap to make again for its size goes first, and what was long not used.
  accounts_[slot] = {.held = {},
                     .kept = kept,
                     .priority = clock_ + static_cast<double>(worth.count()) / size,
                     .is_busy = false,
                     .is_dropping = false};
  serve_line();
}

void memory_ledger::dropped(std::uint16_t slot) {
  auto& own = accounts_[slot];
  own.kept = {};
  own.is_dropping = false;
  serve_line();
}

void memory_ledger::gone(std::uint16_t slot) {
  std::erase_if(line_, [slot](const waiter& one) { return one.slot == slot; });
  std::erase(news_.granted, slot);
  std::erase(news_.drop, slot);
  accounts_.erase(slot);
  serve_line();
}

memory_ledger::news memory_ledger::take_news() { return std::exchange(news_, {}); }

memory_ledger::figures memory_ledger::now() const {
  auto made = counts_;
  made.budget = budget_;
  made.waiting = line_.size();
  for (const auto& [slot, one] : accounts_) {
    made.held = made.held + one.held;
    made.kept = made.kept + one.kept;
  }
  return made;
}

bytes memory_ledger::held_by(std::uint16_t slot) const {
  const auto found = accounts_.find(slot);
  return found == accounts_.end() ? bytes{} : found->second.held + found->second.kept;
}

bytes memory_ledger::in_use_beside(std::uint16_t slot) const {
  bytes sum;
  for (const auto& [other, one] : accounts_)
    if (other != slot) sum = sum + one.held + one.kept;
  return sum;
}

bytes memory_ledger::droppable_beside(std::uint16_t slot) const {
  bytes sum;
  for (const auto& [other, one] : accounts_)
    if (other != slot && !one.is_busy) sum = sum + one.kept;
  return sum;
}

memory_ledger::answer memory_ledger::grant(std::uint16_t slot, bytes amount) {
  auto& own = accounts_[slot];
  own.held = amount;
  own.kept = {};
  ++counts_.granted;
  counts_.held_most = std::max(counts_.held_most, in_use_beside(slot) + amount);
  return answer::granted;
}

void memory_ledger::serve_line() {
  while (!line_.empty()) {
    const auto first = line_.front();
    const auto wanted = in_use_beside(first.slot) + first.amount;
    if (wanted > budget_) return ask_to_drop(wanted.count() - budget_.count(), first.slot);
    line_.erase(line_.begin());
    grant(first.slot, first.amount);
    news_.granted.push_back(first.slot);
  }
}

/// Of slots without a task, those whose memory is worth least, until enough is on its way.
void memory_ledger::ask_to_drop(std::uint64_t missing, std::uint16_t but) {
  std::vector<std::pair<double, std::uint16_t>> idle;
  std::uint64_t coming = 0;
  for (const auto& [slot, one] : accounts_) {
    if (slot == but || one.is_busy) continue;
    if (one.is_dropping)
      coming += one.kept.count();
    else if (one.kept.count() > 0)
      idle.emplace_back(one.priority, slot);
  }
  std::ranges::sort(idle);
  for (const auto& [priority, slot] : idle) {
    if (coming >= missing) return;
    auto& one = accounts_[slot];
    one.is_dropping = true;
    clock_ = std::max(clock_, priority);
    coming += one.kept.count();
    ++counts_.drops;
    news_.drop.push_back(slot);
  }
}

}  // namespace troupe::model
