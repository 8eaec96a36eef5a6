#pragma once

#include "base/error.hpp"
#include "base/strong_id.hpp"
#include "persistence/raft/raft.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// What a replica asks of the disk. The journal (RocksDB) implements it; the simulator has a disk of its own.
namespace troupe::replica {

/// A Raft group of the node: 0 is the first one, which also holds the meta data.
using shard_no = strong_id<struct shard_tag, std::uint32_t>;

/// One key of the applied state; nothing: the key is erased.
struct state_write {
  std::string key;
  std::optional<std::string> value;
  friend bool operator==(const state_write&, const state_write&) = default;
};

/// The log up to and with this entry.
using log_position = raft::position;

/// What one step of a replica wants on the disk. Carried out in this order, in one atomic write:
/// hard state, log truncation, appends, applied state with its index, compaction.
struct persist_batch {
  shard_no shard;
  std::uint64_t number = 0;  ///< rises by one from batch to batch of a replica
  bool sync = false;         ///< must be durable before it is reported as persisted
  std::optional<raft::hard_state> hard_state;
  std::optional<raft::log_index> truncate_from;  ///< drop this entry and all after it, before appending
  std::vector<raft::entry> append;
  std::vector<state_write> state;
  std::optional<log_position> applied;         ///< set if the applied position moved; `state` belongs to it
  std::optional<log_position> compact;         ///< drop the entries up to and with this one; never beyond a durable `applied`
  std::optional<raft::configuration> members;  ///< who belonged to the group at `compact`
};

/// What a start finds.
struct recovered_shard {
  raft::hard_state hard;
  log_position compacted;                      ///< {0, 0} if nothing was ever dropped
  std::optional<raft::configuration> members;  ///< who belonged to the group there, if that was ever written
  log_position applied;                        ///< how far the stored state is; >= compacted
  std::vector<raft::entry> entries;            ///< all after `compacted`, without a hole
};

/// Reads of the applied state of one shard, as of the last write that was given to the storage. Any thread.
class state_reader {
 public:
  virtual ~state_reader() = default;
  [[nodiscard]] virtual result<std::optional<std::string>> get(std::string_view key) const = 0;
  /// Visits the keys that begin with `prefix` and are >= `from`, in byte order, until `visit` returns false.
  virtual result<void> scan(std::string_view prefix, std::string_view from,
                            const std::function<bool(std::string_view key, std::string_view value)>& visit) const = 0;
};

/// The log and the state of all shards of a node.
class storage {
 public:
  virtual ~storage() = default;
  /// Reads what a shard left behind; everything default for a new one. Before the first write.
  /// @returns `errc::corrupt` if entries are damaged or missing in the middle: says which, and what is lost.
  virtual result<recovered_shard> load(shard_no shard) = 0;
  /// Writes all batches atomically, in order; synced once if any of them asks for it. Blocking; one thread at a time calls it.
  /// After an error the storage refuses every further write: what is on the disk is unknown.
  virtual result<void> write(std::span<const persist_batch> batches) = 0;
  /// Valid as long as the storage.
  virtual const state_reader& state_of(shard_no shard) = 0;
};

}  // namespace troupe::replica
