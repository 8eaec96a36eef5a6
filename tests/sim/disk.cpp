#include "sim/disk.hpp"

#include "sim/trace.hpp"

#include <fmt/format.h>

namespace troupe::sim {
namespace {

void require(bool holds, const replica::persist_batch& batch, const std::string& what) {
  if (!holds) throw violation{"disk", fmt::format("batch {}: {}", batch.number, what)};
}

}  // namespace

replica::log_position disk::image::last() const {
  return log.empty() ? compacted : replica::log_position{log.back().index, log.back().at};
}

void disk::check_log(const image& in, const replica::persist_batch& batch) {
  if (batch.hard_state) require(batch.hard_state->current >= in.hard.current, batch, "the term goes back");
  if (batch.truncate_from) require(batch.truncate_from->raw() > in.compacted.index.raw(), batch, "truncates what was compacted");
  auto next = batch.truncate_from ? batch.truncate_from->raw() : in.last().index.raw() + 1;
  for (const auto& entry : batch.append) {
    require(entry.index.raw() == next, batch,
            fmt::format("entry {} follows entry {}: a hole in the log", entry.index.raw(), next - 1));
    ++next;
  }
}

void disk::check_state(const image& in, const replica::persist_batch& batch) {
  if (batch.applied) {
    require(batch.applied->index >= in.applied.index, batch, "the applied position goes back");
    require(batch.applied->index <= in.last().index, batch, "state of an entry that is not in the log");
  }
  if (!batch.state.empty()) require(batch.applied.has_value(), batch, "state without its position");
}

void disk::put(image& in, const replica::persist_batch& batch) {
  if (batch.hard_state) in.hard = *batch.hard_state;
  if (batch.truncate_from) {
    while (!in.log.empty() && in.log.back().index >= *batch.truncate_from) in.log.pop_back();
  }
  in.log.insert(in.log.end(), batch.append.begin(), batch.append.end());
  for (const auto& write : batch.state) {
    if (write.value) {
      in.state.insert_or_assign(write.key, *write.value);
    } else {
      in.state.erase(write.key);
    }
  }
  if (batch.applied) in.applied = *batch.applied;
  if (batch.compact) {
    while (!in.log.empty() && in.log.front().index <= batch.compact->index) in.log.pop_front();
    in.compacted = *batch.compact;
    in.members = batch.members;
  }
}

void disk::write(batches group) {
  for (const auto& batch : group) {
    require(batch.number == last_number_ + 1, batch, fmt::format("follows batch {}", last_number_));
    last_number_ = batch.number;
    if (batch.compact) require(batch.compact->index <= durable_.applied.index, batch, "compacts beyond the durable state");
    check_log(present_, batch);
    put(present_, batch);
    check_state(present_, batch);
    for (const auto& entry : batch.append) whole_log_[entry.index.raw()] = entry;
  }
  unsynced_.push_back(std::move(group));
}

void disk::sync() {
  for (const auto& group : unsynced_) {
    for (const auto& batch : group) put(durable_, batch);
  }
  unsynced_.clear();
}

std::size_t disk::lose_power(random& dice) {
  const auto kept = unsynced_.empty() ? 0 : dice.below(unsynced_.size() + 1);
  const auto lost = unsynced_.size() - kept;
  unsynced_.resize(kept);
  sync();
  if (lost > 0) present_ = durable_;
  return lost;
}

replica::recovered_shard disk::load() {
  sync();
  last_number_ = 0;
  if (present_.applied.index < present_.compacted.index) {
    throw violation{"disk", fmt::format("the log begins after entry {}, the state ends at entry {}",
                                        present_.compacted.index.raw(), present_.applied.index.raw())};
  }
  return {present_.hard, present_.compacted, present_.members, present_.applied, {present_.log.begin(), present_.log.end()}};
}

result<std::optional<std::string>> disk::get(std::string_view key) const {
  const auto found = present_.state.find(key);
  if (found == present_.state.end()) return std::optional<std::string>{};
  return std::optional<std::string>{found->second};
}

result<void> disk::scan(std::string_view prefix, std::string_view from,
                        const std::function<bool(std::string_view key, std::string_view value)>& visit) const {
  for (auto at = present_.state.lower_bound(std::max(prefix, from)); at != present_.state.end(); ++at) {
    if (!at->first.starts_with(prefix)) break;
    if (!visit(at->first, at->second)) break;
  }
  return {};
}

}  // namespace troupe::sim
