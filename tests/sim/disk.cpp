#include "sim/disk.hpp"

#include "persistence/replica/state_store.hpp"
#include "sim/trace.hpp"

#include <fmt/format.h>

namespace troupe::sim {
namespace {

[[noreturn]] void refuse(const replica::persist_batch& batch, std::string_view what) {
  throw violation{"disk", fmt::format("batch {}: {}", batch.number, what)};
}

void require(bool holds, const replica::persist_batch& batch, std::string_view what) {
  if (!holds) refuse(batch, what);
}

}  // namespace

replica::log_position disk::shard::last() const {
  return log.empty() ? compacted : replica::log_position{log.back().index, log.back().at};
}

namespace {

/// The record of members counts for nothing: a node that joined writes it at its start, a founder with the first change only.
std::uint64_t hash_of(const std::string& key, const std::string& value) {
  if (key == replica::members_key()) return 0;
  const std::hash<std::string> hash;
  return hash(key) * 0x9e3779b97f4a7c15u ^ (hash(value) + 0x632be59bd9b4e019u) * 0xff51afd7ed558ccdu;
}

}  // namespace

void disk::set(const std::string& key, std::optional<std::string> value, undo& before) {
  const auto at = state_.lower_bound(key);
  const bool is_there = at != state_.end() && at->first == key;
  if (is_there) hash_ ^= hash_of(key, at->second);
  if (value) hash_ ^= hash_of(key, *value);
  if (is_there && value) {
    std::swap(at->second, *value);
    before.values.emplace_back(key, std::move(value));
  } else if (is_there) {
    before.values.emplace_back(key, std::move(at->second));
    state_.erase(at);
  } else if (value) {
    state_.emplace_hint(at, key, std::move(*value));
    before.values.emplace_back(key, std::nullopt);
  }
}

/// Later writes first: each finds what it left.
void disk::take_back(undo& before) {
  for (auto at = before.values.rbegin(); at != before.values.rend(); ++at) {
    if (at->second)
      state_[at->first] = std::move(*at->second);
    else
      state_.erase(at->first);
  }
  if (before.state) state_ = std::move(*before.state);
  hash_ = before.hash;
}

void disk::check_install(const replica::persist_batch& batch) const {
  require(batch.append.empty() && batch.state.empty() && !batch.hard_state && !batch.truncate_from, batch,
          "an installation with other things in it");
  require(batch.sync && batch.applied && batch.compact && batch.members, batch, "an installation that does not say what it is");
  require(received_.contains(*batch.install), batch, "installs an image that is not there");
  require(batch.applied->index > present_.applied.index, batch, "installs an older state");
}

void disk::check_log(const shard& in, const replica::persist_batch& batch) {
  if (batch.hard_state) require(batch.hard_state->current >= in.hard.current, batch, "the term goes back");
  if (batch.truncate_from) require(batch.truncate_from->raw() > in.compacted.index.raw(), batch, "truncates what was compacted");
  auto next = batch.truncate_from ? batch.truncate_from->raw() : in.last().index.raw() + 1;
  for (const auto& entry : batch.append) {
    if (entry.index.raw() != next)
      refuse(batch, fmt::format("entry {} follows entry {}: a hole in the log", entry.index.raw(), next - 1));
    ++next;
  }
}

void disk::check_state(const shard& in, const replica::persist_batch& batch) {
  if (batch.applied) {
    require(batch.applied->index >= in.applied.index, batch, "the applied position goes back");
    require(batch.applied->index <= in.last().index, batch, "state of an entry that is not in the log");
  }
  if (!batch.state.empty()) require(batch.applied.has_value(), batch, "state without its position");
}

void disk::put(shard& in, const replica::persist_batch& batch) {
  if (batch.install) {
    const auto hard = in.hard;
    in = {};
    in.hard = hard;
    in.compacted = in.applied = *batch.applied;
    in.members = batch.members;
    in.installed_upto = batch.applied->index.raw();
    return;
  }
  if (batch.hard_state) in.hard = *batch.hard_state;
  if (batch.truncate_from) {
    while (!in.log.empty() && in.log.back().index >= *batch.truncate_from) in.log.pop_back();
  }
  in.log.insert(in.log.end(), batch.append.begin(), batch.append.end());
  if (batch.applied) in.applied = *batch.applied;
  if (batch.compact) {
    while (!in.log.empty() && in.log.front().index <= batch.compact->index) in.log.pop_front();
    in.compacted = *batch.compact;
    in.members = batch.members;
  }
}

void disk::put_state(replica::persist_batch& batch, undo& before) {
  if (batch.install) {
    before.state = std::exchange(state_, received_.at(*batch.install));
    hash_ = 0;
    for (const auto& [key, value] : state_) hash_ ^= hash_of(key, value);
    return;
  }
  for (auto& write : batch.state) set(write.key, std::move(write.value), before);
  batch.state.clear();
}

void disk::write(batches group) {
  undo before;
  before.hash = hash_;
  for (auto& batch : group) {
    if (batch.number != last_number_ + 1) refuse(batch, fmt::format("follows batch {}", last_number_));
    last_number_ = batch.number;
    if (batch.install) {
      require(group.size() == 1, batch, "an installation in a group");
      check_install(batch);
    } else {
      if (batch.compact) require(batch.compact->index <= durable_.applied.index, batch, "compacts beyond the durable state");
      check_log(present_, batch);
    }
    put(present_, batch);
    if (!batch.install) check_state(present_, batch);
    put_state(batch, before);
  }
  unsynced_.push_back({std::move(group), std::move(before)});
}

void disk::sync() {
  for (const auto& write : unsynced_) {
    for (const auto& batch : write.group) put(durable_, batch);
  }
  unsynced_.clear();
}

std::size_t disk::lose_power(random& dice) {
  const auto kept = unsynced_.empty() ? 0 : dice.below(unsynced_.size() + 1);
  const auto lost = unsynced_.size() - kept;
  const bool is_half = lost > 0 && unsynced_[kept].group.front().install && dice.chance(500);
  while (unsynced_.size() > kept) {
    take_back(unsynced_.back().before);
    unsynced_.pop_back();
  }
  sync();
  if (lost > 0) present_ = durable_;
  if (is_half) lose_shard();
  return lost;
}

replica::recovered_shard disk::load() {
  sync();
  last_number_ = 0;
  // What an earlier life asked for and did not get onto the disk is in nobody's log.
  asked_.clear();
  for (const auto& entry : present_.log) asked_[entry.index.raw()] = entry;
  if (present_.applied.index < present_.compacted.index) {
    throw violation{"disk", fmt::format("the log begins after entry {}, the state ends at entry {}",
                                        present_.compacted.index.raw(), present_.applied.index.raw())};
  }
  return {present_.hard, present_.compacted, present_.members, present_.applied, {present_.log.begin(), present_.log.end()}};
}

void disk::lose_shard() {
  sync();
  const auto hard = present_.hard;
  present_ = {};
  present_.hard = hard;
  present_.members = raft::configuration{};
  durable_ = present_;
  state_.clear();
  hash_ = 0;
}

void disk::will_write(const batches& asked) {
  for (const auto& batch : asked)
    for (const auto& entry : batch.append) asked_[entry.index.raw()] = entry;
}

const raft::entry* disk::entry_at(std::uint64_t index) const {
  const auto found = asked_.find(index);
  return found == asked_.end() ? nullptr : &found->second;
}

std::size_t disk::state_bytes() const {
  std::size_t sum = 0;
  for (const auto& [key, value] : state_) sum += key.size() + value.size();
  return sum;
}

std::size_t disk::log_bytes() const {
  std::size_t sum = 0;
  for (const auto& entry : present_.log) sum += entry.payload ? entry.payload->size() : 0;
  return sum;
}

void disk::forget_entries(std::uint64_t upto) { asked_.erase(asked_.begin(), asked_.upper_bound(upto)); }

result<std::optional<std::string>> disk::get(std::string_view key) const {
  const auto found = state_.find(key);
  if (found == state_.end()) return std::optional<std::string>{};
  return std::optional<std::string>{found->second};
}

result<void> disk::scan(std::string_view prefix, std::string_view from,
                        const std::function<bool(std::string_view key, std::string_view value)>& visit) const {
  for (auto at = state_.lower_bound(std::max(prefix, from)); at != state_.end(); ++at) {
    if (!at->first.starts_with(prefix)) break;
    if (!visit(at->first, at->second)) break;
  }
  return {};
}

namespace {

/// What is on a disk at one moment.
class snapshot final : public replica::state_image {
 public:
  snapshot(replica::log_position position, disk::contents state) : position_(position), state_(std::move(state)) {}
  [[nodiscard]] replica::log_position position() const override { return position_; }
  [[nodiscard]] std::uint64_t keys_about() const override { return state_.size(); }
  void seek(std::string_view key) override { at_ = state_.lower_bound(std::string{key}); }
  [[nodiscard]] result<std::optional<std::string>> get(std::string_view key) const override {
    const auto found = state_.find(key);
    return found == state_.end() ? std::optional<std::string>{} : std::optional{found->second};
  }
  [[nodiscard]] result<std::optional<item>> next() override {
    if (at_ == state_.end()) return std::optional<item>{};
    const auto& [key, value] = *at_++;
    return std::optional{item{key, value}};
  }

 private:
  replica::log_position position_;
  disk::contents state_;
  disk::contents::const_iterator at_ = state_.begin();
};

}  // namespace

class disk::sink final : public replica::image_sink {
 public:
  sink(disk& to, std::string name) : to_(to), name_(std::move(name)) {}
  result<void> add(std::string_view key, std::string_view value) override {
    if (!state_.empty() && state_.rbegin()->first >= key) return error{errc::corrupt, "keys out of order"};
    state_.emplace_hint(state_.end(), key, value);
    return {};
  }
  [[nodiscard]] result<std::string> finish() override {
    to_.received_.insert_or_assign(name_, std::move(state_));
    return name_;
  }

 private:
  disk& to_;
  std::string name_;
  contents state_;
};

std::unique_ptr<replica::state_image> disk::read_image() const {
  if (present_.applied.index.raw() == 0) return nullptr;
  return std::make_unique<snapshot>(present_.applied, state_);
}

result<std::unique_ptr<replica::image_sink>> disk::begin_image() {
  received_.clear();  // the one before was never wanted
  return std::unique_ptr<replica::image_sink>{std::make_unique<sink>(*this, fmt::format("image {}", ++images_))};
}

}  // namespace troupe::sim
