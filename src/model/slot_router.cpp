#include "model/slot_router.hpp"

#include <algorithm>
#include <utility>

namespace troupe::model {

slot_router::slot_router(const slot_router_options& options)
    : options_(options), works_(options.shards.shards()), turn_(home_of(0).raw()) {}

slot_router_effects slot_router::step(const slot_router_event::any& event, timestamp now) {
  out_ = {};
  now_ = std::max(now, now_);
  std::visit([this](const auto& e) { on(e); }, event);
  move_to_work();
  return std::move(out_);
}

void slot_router::on(const slot_router_event::asked& e) {
  const auto slot = e.ask.slot.index;
  const auto known = asks_.find(slot);
  if (e.ask.is_withdrawn) {
    if (known != asks_.end()) withdraw(known->second);
    asks_.erase(slot);
    return;
  }
  if (known == asks_.end() || known->second.ask.ask != e.ask.ask) {
    const auto before = known == asks_.end() ? std::nullopt : std::optional{std::exchange(known->second, {})};
    asks_.erase(slot);
    const parked fresh{e.ask, e.open_reports, choose(slot), now_};
    if (before && before->at != fresh.at) withdraw(*before);
    carry(asks_[slot] = fresh);
    return;
  }
  auto& again = known->second;
  again.ask = e.ask;
  again.open_reports = e.open_reports;
  const bool is_astray = again.at != home_of(slot) && works_[again.at.raw()].tasks == 0;
  if (is_astray && again.since + options_.stuck_after <= now_)
    move(again, home_of(slot));
  else
    carry(again);
}

void slot_router::on(const slot_router_event::ready& e) {
  auto& shard = works_.at(e.shard.raw());
  if (shard.tasks == 0) shard.since = now_;
  shard.tasks = e.tasks;
}

/// Elsewhere it is not to be served, too.
void slot_router::on(const slot_router_event::served& e) {
  const auto known = asks_.find(e.slot);
  if (known == asks_.end() || known->second.ask.ask > e.ask) return;
  if (known->second.at != e.shard) withdraw(known->second);
  asks_.erase(known);
}

/// With the report that has to be in the log of this shard before it.
void slot_router::carry(const parked& what) {
  auto ask = what.ask;
  ask.after.reset();
  for (const auto& report : what.open_reports)
    if (options_.shards.shard_of(report.task.job) == what.at) ask.after = report;
  out_.orders.push_back({what.at, std::move(ask)});
}

void slot_router::withdraw(const parked& what) {
  auto ask = what.ask;
  ask.is_withdrawn = true;
  ask.after.reset();
  out_.orders.push_back({what.at, std::move(ask)});
}

void slot_router::move(parked& what, shard_no to) {
  withdraw(what);
  what.at = to;
  what.since = now_;
  what.has_moved = true;
  carry(what);
}

shard_no slot_router::home_of(std::uint16_t slot) const {
  const auto mixed = options_.node.raw() * 0x9e3779b97f4a7c15ull >> 32;  // ids of tests and of people are small
  return shard_no{static_cast<std::uint32_t>((mixed + slot) % options_.shards.shards())};
}

/// Whether a shard has more work than asks of this node.
bool slot_router::wants_asks(std::uint32_t shard) const {
  const auto here = std::count_if(asks_.begin(), asks_.end(), [&](const auto& one) { return one.second.at.raw() == shard; });
  return works_[shard].tasks > static_cast<std::size_t>(here);
}

shard_no slot_router::choose(std::uint16_t slot) {
  const auto shards = options_.shards.shards();
  for (std::uint32_t i = 0; i < shards; ++i) {
    const auto shard = (turn_ + i) % shards;
    if (!wants_asks(shard)) continue;
    turn_ = (shard + 1) % shards;
    return shard_no{shard};
  }
  return home_of(slot);
}

timestamp slot_router::may_leave_at(const parked& what) const {
  if (works_[what.at.raw()].tasks > 0) return what.since + options_.stuck_after;
  return what.has_moved ? what.since + options_.move_pause : what.since;
}

void slot_router::move_to_work() {
  const auto shards = options_.shards.shards();
  const auto first = turn_;
  for (std::uint32_t i = 0; i < shards; ++i) {
    const auto shard = (first + i) % shards;
    const auto due = works_[shard].since + options_.patience;
    for (auto& [slot, ask] : asks_) {
      if (!wants_asks(shard)) break;
      if (ask.at.raw() == shard) continue;
      if (const auto at = std::max(due, may_leave_at(ask)); at > now_) {
        out_.wake_at = std::min(out_.wake_at, at);
        continue;
      }
      move(ask, shard_no{shard});
      turn_ = (shard + 1) % shards;
    }
  }
}

}  // namespace troupe::model
