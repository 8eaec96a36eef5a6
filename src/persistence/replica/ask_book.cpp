#include "persistence/replica/ask_book.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace troupe::replica {
namespace {
constexpr double remembered_ms = 10'000;  // so much slot time more or less than others is worth one task
}  // namespace

void ask_book::park(const model::slot_ask& ask, const model::job_table& table, timestamp now) {
  now_ = now;
  const auto [node, is_new_node] = nodes_.try_emplace(ask.slot.node);
  auto& of = node->second;
  if (is_new_node) {
    of.pool = pool_of(ask.offer);
    of.level_seen = pools_[of.pool].level_ms;
    of.counted = now;
    of.running = table.tasks_on(ask.slot.node);
    of.is_active = table.is_active(ask.slot.node);
    take_places(node);
  }
  const auto served = table.served_ask(ask.slot);
  const auto [found, is_new] = of.asks.try_emplace(ask.slot);
  if (is_new) ++size_;
  if (ask.ask < std::max(found->second.ask, served.value_or(0))) {  // late: the slot has asked anew since
    if (is_new) erase(node, ask.slot);
    return;
  }
  found->second.heard = now;
  heard_.emplace_back(now, ask.slot);
  auto parked = found->second;
  if (ask.is_withdrawn) {
    parked.ask = ask.ask;
    parked.is_open = false;
  } else if (served == ask.ask) {
    parked = {.ask = ask.ask, .offer = ask.offer, .kind = kind_of(ask), .heard = now};
  } else if (ask.ask > parked.ask || !parked.is_open) {
    // The same ask may be served twice: the first grant got lost, then its job was cancelled.
    parked = {.ask = ask.ask,
              .offer = ask.offer,
              .kind = kind_of(ask),
              .is_open = true,
              .waits_for_report = ask.after.has_value(),
              .heard = now,
              .after = ask.after};
  } else {
    parked.kind = kind_of(ask);  // what it is for may change while it waits
  }
  put(node, ask.slot, std::move(parked));
}

void ask_book::look_at(model::node_id node, const model::job_table& table) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return;
  leave_places(found);
  found->second.running = table.tasks_on(node);
  found->second.is_active = table.is_active(node);
  take_places(found);
}

void ask_book::close(const model::slot_id& slot, std::uint64_t upto) {
  const auto node = nodes_.find(slot.node);
  if (node == nodes_.end()) return;
  const auto parked = node->second.asks.find(slot);
  if (parked == node->second.asks.end() || parked->second.ask > upto || !parked->second.is_open) return;
  auto closed = parked->second;
  closed.is_open = false;
  put(node, slot, std::move(closed));
}

void ask_book::settle(const model::slot_id& slot, std::uint64_t ask) {
  const auto node = nodes_.find(slot.node);
  if (node == nodes_.end()) return;
  const auto parked = node->second.asks.find(slot);
  if (parked == node->second.asks.end() || parked->second.ask != ask || !parked->second.is_proposed) return;
  if (parked->second.heard <= silent_since_) return erase(node, slot);
  auto settled = parked->second;
  settled.is_proposed = false;
  settled.named.reset();
  put(node, slot, std::move(settled));
}

void ask_book::forget(model::node_id node, model::incarnation upto, bool all) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return;
  std::vector<model::slot_id> gone;
  for (const auto& [slot, parked] : found->second.asks)
    if (slot.boot <= upto && (all || !parked.is_proposed)) gone.push_back(slot);
  for (const auto& slot : gone) erase(nodes_.find(node), slot);
}

void ask_book::forget_silent(timestamp now, duration silence) {
  now_ = now;
  const auto since = silent_since_ = now - silence;
  for (; !heard_.empty() && heard_.front().first <= since; heard_.pop_front()) {
    const auto slot = heard_.front().second;
    const auto node = nodes_.find(slot.node);
    if (node == nodes_.end()) continue;
    const auto parked = node->second.asks.find(slot);
    const bool is_silent = parked != node->second.asks.end() && parked->second.heard <= since;
    if (is_silent && !parked->second.is_proposed) erase(node, slot);  // else when it is settled
  }
}

std::vector<model::assign_command> ask_book::choose(const model::task_queue& queue, timestamp now, affinity* home,
                                                    const report_check& has_reported) {
  release_reported(has_reported);
  turn present{queue, now, has_reported, {}, {}};
  if (present.is_over(under_way_)) return {};
  present.least.resize(places_.size());
  for (const auto& [what, number] : kinds_)
    if (!places_[number].empty())
      present.least[number] = queue.least_memory_for(what.labels, what.threads, home ? what.wants : model::slot_kind::any);
  if (home) choose_homes(present, *home);
  choose_rest(present, home != nullptr);
  return std::move(present.chosen);
}

/// Nothing may be assigned to a slot before its last report is in the log: the table would take the attempt for one that never
/// began.
void ask_book::release_reported(const report_check& has_reported) {
  std::vector<model::slot_id> released;
  for (const auto& slot : waiting_for_reports_)
    if (has_reported(*nodes_.at(slot.node).asks.at(slot).after)) released.push_back(slot);
  for (const auto& slot : released) {
    const auto node = nodes_.find(slot.node);
    auto parked = node->second.asks.at(slot);
    parked.waits_for_report = false;
    put(node, slot, std::move(parked));
  }
}

/// Within a kind all see the same best tasks.
void ask_book::choose_homes(turn& now, affinity& home) {
  for (std::size_t kind = 0; kind < places_.size() && !now.is_over(under_way_); ++kind) {
    const auto first = first_of(kind, now);
    if (first == nodes_.end()) continue;
    const auto& offer = first->second.asks.at(*first->second.free.at(kind).begin()).offer;
    const auto few = now.queue.best_few_for(offer, now.now, affinity::looked_at_most, wants_[kind]);
    for (const auto& task : few) {
      if (now.is_over(under_way_)) break;
      const auto where = named_.contains(task) ? std::nullopt : home.home_of(task.job);
      const auto node = where ? nodes_.find(*where) : nodes_.end();
      if (node == nodes_.end() || !node->second.is_active) continue;
      const auto slot = free_slot(node, kind, now);
      if (!slot || !now.queue.is_for(task, node->second.asks.at(*slot).offer)) continue;
      if (task != few.front() && !named_.contains(few.front()) && !home.may_pass_over(few.front(), kind)) break;
      propose(now, node, *slot, task);
    }
  }
}

/// While slots of several kinds ask, each is told which task it gets: left to the log it would be the best one of all.
void ask_book::choose_rest(turn& now, bool may_name) {
  const bool names = may_name && !are_alike();
  while (!now.is_over(under_way_)) {
    auto next = nodes_.end();
    std::size_t kind_of_next = 0;
    for (std::size_t kind = 0; kind < places_.size(); ++kind) {
      const auto first = first_of(kind, now);
      if (first == nodes_.end()) continue;
      const bool is_sooner =
          next == nodes_.end() || std::pair{first->second.rank, first->first} < std::pair{next->second.rank, next->first};
      if (!is_sooner) continue;
      next = first;
      kind_of_next = kind;
    }
    if (next == nodes_.end()) return;
    const auto slot = free_slot(next, kind_of_next, now);
    if (!slot) continue;
    const auto named = names ? best_left(kind_of_next, next->second.asks.at(*slot).offer, now) : std::nullopt;
    if (names && !named)
      now.least[kind_of_next].reset();  // the next step has others
    else
      propose(now, next, *slot, named);
  }
}

bool ask_book::are_alike() const {
  for (std::size_t kind = 0; kind < places_.size(); ++kind)
    if (!places_[kind].empty() && wants_[kind] != model::slot_kind::any) return false;
  return true;
}

std::optional<model::task_id> ask_book::best_left(std::size_t kind, const model::slot_offer& offer, const turn& now) const {
  return now.queue.best_for(offer, now.now, wants_[kind], named_);
}

/// The next node for which a task waits. All slots of a node have its whole memory.
ask_book::nodes::iterator ask_book::first_of(std::size_t kind, const turn& now) {
  if (kind >= now.least.size() || !now.least[kind]) return nodes_.end();
  for (const auto& [rank, id] : places_[kind]) {
    const auto node = nodes_.find(id);
    if (*now.least[kind] <= node->second.asks.at(*node->second.free.at(kind).begin()).offer.memory) return node;
  }
  return nodes_.end();
}

/// A report that was on its way into the log may have been refused since: its slot waits again.
std::optional<model::slot_id> ask_book::free_slot(nodes::iterator node, std::size_t kind, const turn& now) {
  auto& of = node->second;
  for (auto free = of.free.find(kind); free != of.free.end(); free = of.free.find(kind)) {
    const auto slot = *free->second.begin();
    auto parked = of.asks.at(slot);
    if (!parked.after || now.has_reported(*parked.after)) return slot;
    parked.waits_for_report = true;
    put(node, slot, std::move(parked));
  }
  return std::nullopt;
}

void ask_book::propose(turn& now, nodes::iterator node, const model::slot_id& slot, std::optional<model::task_id> preferred) {
  auto parked = node->second.asks.at(slot);
  parked.is_proposed = true;
  parked.named = preferred;
  now.chosen.push_back({slot, parked.ask, parked.offer, preferred});
  put(node, slot, std::move(parked));
}

std::size_t ask_book::kind_of(const model::slot_ask& ask) {
  // Slots of one device have its memory, those of another one its own.
  const auto memory = ask.offer.memory.count();
  offer_kind what{ask.offer.labels, ask.offer.threads, ask.kind == model::slot_kind::device ? memory : std::bit_width(memory),
                  ask.kind};
  const auto [found, is_new] = kinds_.emplace(std::move(what), places_.size());
  if (is_new) {
    places_.emplace_back();
    wants_.push_back(ask.kind);
  }
  return found->second;
}

std::size_t ask_book::pool_of(const model::slot_offer& offer) {
  const auto [found, is_new] = pool_numbers_.try_emplace(offer.labels, pools_.size());
  if (is_new) pools_.push_back({0, 0, 0, now_});
  return found->second;
}

std::uint64_t ask_book::rank_of(const node_asks& of) const {
  constexpr double steps = 1ull << 40;
  const auto history = rule_ == spreading::even ? of.ahead_ms / remembered_ms : 0.0;
  const auto use =
      (static_cast<double>(of.used()) + 0.5 + history) / static_cast<double>(std::max<std::size_t>(1, of.capacity()));
  const auto rank = static_cast<std::uint64_t>(use * steps);
  return rule_ == spreading::even ? rank : std::numeric_limits<std::uint64_t>::max() - rank;
}

/// Up to now, as it was until now.
void ask_book::count_time(node_asks& of) {
  const auto since = [this](timestamp& counted) {
    const auto passed = std::max(duration{0}, now_ - counted);
    counted = std::max(now_, counted);
    return static_cast<double>(passed.count());
  };
  auto& pool = pools_[of.pool];
  const auto passed = since(pool.counted);
  if (pool.capacity > 0) pool.level_ms += passed * static_cast<double>(pool.used) / static_cast<double>(pool.capacity);
  const auto even_share = (pool.level_ms - of.level_seen) * static_cast<double>(of.capacity());
  of.ahead_ms += since(of.counted) * static_cast<double>(of.used()) - even_share;
  of.ahead_ms = std::clamp(of.ahead_ms, -remembered_ms / 2, remembered_ms / 2);
  of.level_seen = pool.level_ms;
}

void ask_book::leave_places(nodes::iterator node) {
  auto& of = node->second;
  count_time(of);
  if (!of.is_active) return;
  for (const auto& [kind, free] : of.free) places_[kind].erase({of.rank, node->first});
  pools_[of.pool].used -= of.used();
  pools_[of.pool].capacity -= of.capacity();
}

void ask_book::take_places(nodes::iterator node) {
  auto& of = node->second;
  of.rank = rank_of(of);
  if (!of.is_active) return;
  for (const auto& [kind, free] : of.free) places_[kind].emplace(of.rank, node->first);
  pools_[of.pool].used += of.used();
  pools_[of.pool].capacity += of.capacity();
}

void ask_book::count_in(node_asks& of, const model::slot_id& slot, const parked_ask& parked) {
  if (parked.is_proposed) {
    ++of.proposed;
    ++under_way_;
    if (parked.named) named_.insert(*parked.named);
  }
  if (parked.is_open && parked.waits_for_report) waiting_for_reports_.insert(slot);
  if (!parked.is_free()) return;
  of.free[parked.kind].insert(slot);
  ++of.free_count;
}

void ask_book::count_out(node_asks& of, const model::slot_id& slot, const parked_ask& parked) {
  if (parked.is_proposed) {
    --of.proposed;
    --under_way_;
    if (parked.named) named_.erase(*parked.named);
  }
  if (parked.is_open && parked.waits_for_report) waiting_for_reports_.erase(slot);
  if (!parked.is_free()) return;
  const auto free = of.free.find(parked.kind);
  free->second.erase(slot);
  if (free->second.empty()) of.free.erase(free);
  --of.free_count;
}

void ask_book::put(nodes::iterator node, const model::slot_id& slot, parked_ask changed) {
  auto& held = node->second.asks.at(slot);
  leave_places(node);
  count_out(node->second, slot, held);
  held = std::move(changed);
  count_in(node->second, slot, held);
  take_places(node);
}

void ask_book::erase(nodes::iterator node, const model::slot_id& slot) {
  const auto parked = node->second.asks.find(slot);
  leave_places(node);
  count_out(node->second, slot, parked->second);
  node->second.asks.erase(parked);
  --size_;
  if (node->second.asks.empty())
    nodes_.erase(node);
  else
    take_places(node);
}

}  // namespace troupe::replica
