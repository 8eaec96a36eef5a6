#pragma once

#include "base/error.hpp"
#include "persistence/replica/storage.hpp"

#include <rocksdb/wal_filter.h>

#include <cstdint>
#include <optional>

namespace troupe::journal {

class store;

/// Sees each record of RocksDB's write-ahead log while it is replayed, and stops the replay where a write is missing: RocksDB
/// itself skips a block whose header was zeroed without a word.
class replay_check final : public rocksdb::WalFilter {
 public:
  WalProcessingOption LogRecordFound(unsigned long long log_number, const std::string& file, const rocksdb::WriteBatch& batch,
                                     rocksdb::WriteBatch* new_batch, bool* batch_changed) override;
  const char* Name() const override { return "troupe.replay_check"; }

  [[nodiscard]] const std::optional<error>& damage() const noexcept { return damage_; }

 private:
  std::uint64_t last_ = 0;  // 0: none seen yet
  std::optional<error> damage_;
};

/// What stands in a write-ahead log record besides the changes.
[[nodiscard]] std::string mark_of(std::uint64_t write_number);

/// The number of the last write that the database holds; 0 for a new one.
[[nodiscard]] result<std::uint64_t> last_write(const store& from);

/// Whether the last run ended while it installed an image: what there is of the state and the log is of no use.
[[nodiscard]] result<bool> is_half_installed(const store& from, replica::shard_no shard);

/// Reads one shard and proves that nothing is missing in it.
[[nodiscard]] result<replica::recovered_shard> recover(const store& from, replica::shard_no shard);

}  // namespace troupe::journal
