#pragma once

#include "persistence/replica/storage.hpp"
#include "support/disk/print.hpp"

#include <memory>
#include <string>
#include <vector>

// Builders of what a replica writes.
namespace troupe::test {

inline constexpr replica::shard_no first_shard{0};

inline raft::entry command(std::uint64_t index, std::uint64_t term, std::string payload) {
  return {raft::log_index{index}, raft::term{term}, raft::entry_kind::command,
          std::make_shared<const std::string>(std::move(payload))};
}
inline raft::entry no_op(std::uint64_t index, std::uint64_t term) {
  return {raft::log_index{index}, raft::term{term}, raft::entry_kind::no_op, nullptr};
}
inline replica::log_position at(std::uint64_t index, std::uint64_t term) { return {raft::log_index{index}, raft::term{term}}; }
inline raft::hard_state vote(std::uint64_t term, std::uint64_t candidate = 0) {
  raft::hard_state hard;
  hard.current = raft::term{term};
  if (candidate != 0) hard.voted_for = raft::server_id{candidate};
  return hard;
}

/// A synced batch of the first shard, with a vote for its term.
inline replica::persist_batch appending(std::vector<raft::entry> entries) {
  replica::persist_batch batch;
  batch.shard = first_shard;
  batch.sync = true;
  if (!entries.empty()) batch.hard_state = vote(entries.back().at.raw());
  batch.append = std::move(entries);
  return batch;
}

inline bool same(const raft::entry& a, const raft::entry& b) {
  return a.index == b.index && a.at == b.at && a.kind == b.kind && (a.payload == nullptr) == (b.payload == nullptr)
         && (!a.payload || *a.payload == *b.payload);
}
inline bool same(const std::vector<raft::entry>& a, const std::vector<raft::entry>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!same(a[i], b[i])) return false;
  return true;
}

}  // namespace troupe::test
