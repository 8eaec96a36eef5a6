#pragma once

#include "base/error.hpp"
#include "model/ids.hpp"
#include "persistence/raft/raft.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// What a replica asks of the disk. The journal (RocksDB) implements it; the simulator has a disk of its own.
namespace troupe::replica {

using model::shard_no;

/// One key of the applied state; nothing: the key is erased.
struct state_write {
  std::string key;
  std::optional<std::string> value;
  friend bool operator==(const state_write&, const state_write&) = default;
};

/// The log up to and with this entry.
using log_position = raft::position;

/// What one step of a replica wants on the disk. Carried out in this order, in one atomic write:
/// hard state, log truncation, appends, applied state with its index, compaction. One with `install` has nothing else in it and
/// is not atomic: a crash leaves what was before, what is wanted, or an empty shard with its term and vote that belongs to no
/// group.
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
  /// Put this image in the place of the whole state and the whole log. `sync`, `applied`, `compact` and `members` say what it is.
  std::optional<std::string> install;
};

/// An image of a shard that has come whole, and is not the shard's own yet.
struct received_image {
  log_position position;        ///< the state covers the log up to here
  raft::configuration members;  ///< who belonged to the group there
  std::string file;             ///< as `image_sink::finish` named it
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

/// The applied state of one shard as it was when it was opened, whatever is written since. One thread at a time.
class state_image {
 public:
  struct item {
    std::string_view key, value;  ///< valid until the next call
  };
  virtual ~state_image() = default;
  [[nodiscard]] virtual log_position position() const = 0;
  /// About how many keys it has, for people who wait.
  [[nodiscard]] virtual std::uint64_t keys_about() const = 0;
  [[nodiscard]] virtual result<std::optional<std::string>> get(std::string_view key) const = 0;
  /// `next` goes on with the first key that is not before this one.
  virtual void seek(std::string_view key) = 0;
  /// The next key in byte order, from the first on; nothing at the end.
  [[nodiscard]] virtual result<std::optional<item>> next() = 0;
};

/// Takes an image in and keeps it beside the shards. What was not finished is gone with the object, or at the next start.
class image_sink {
 public:
  virtual ~image_sink() = default;
  /// Keys come in byte order, each once; else `errc::corrupt`.
  virtual result<void> add(std::string_view key, std::string_view value) = 0;
  /// The image is whole, and durable on return. @returns its name for `persist_batch::install`; it is there until a sink is begun
  /// for the shard, or the next start
  [[nodiscard]] virtual result<std::string> finish() = 0;
};

/// The log and the state of all shards of a node.
class storage {
 public:
  virtual ~storage() = default;
  /// Reads what a shard left behind; everything default for a new one. Before the first write.
  /// @returns `errc::corrupt` if entries are damaged or missing in the middle: says which, and what is lost.
  virtual result<recovered_shard> load(shard_no shard) = 0;
  /// Writes all batches in order, synced if any of them asks for it; atomically, but for those that install. Blocking; one thread
  /// at a time calls it.
  /// After an error the storage refuses every further write: what is on the disk is unknown.
  virtual result<void> write(std::span<const persist_batch> batches) = 0;
  /// Valid as long as the storage.
  virtual const state_reader& state_of(shard_no shard) = 0;
  /// The state as of the last write. Any thread; others go on writing. The storage outlives it.
  /// @returns `errc::not_found` if nothing was ever applied, or an image is just being installed.
  [[nodiscard]] virtual result<std::unique_ptr<state_image>> read_image(shard_no shard) = 0;
  /// For an image from elsewhere. Any thread, but one sink a shard at a time, and none while the one before is being installed.
  /// The storage outlives it.
  [[nodiscard]] virtual result<std::unique_ptr<image_sink>> begin_image(shard_no shard) = 0;
};

}  // namespace troupe::replica
