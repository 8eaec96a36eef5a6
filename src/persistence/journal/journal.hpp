#pragma once

#include "base/error.hpp"
#include "base/units.hpp"
#include "persistence/replica/storage.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>

namespace rocksdb {
class Env;
}

namespace troupe::journal {

struct options {
  std::filesystem::path directory;  ///< made if it is missing; its parent must exist
  bytes block_cache = 64_MiB;       ///< for blocks of state and log that were read
  /// A column family's writes in memory; there are three, each at most twice. What a start replays is twice this at most, or 4
  /// MiB.
  bytes write_buffer = 32_MiB;
  int open_files_max = 256;
  std::shared_ptr<rocksdb::Env> environment;  ///< disk and clock instead of the operating system's; for tests
};

/// Counters since the start, for metrics.
struct figures {
  /// Bucket i counts writes that took less than 2^i microseconds (and not less than half of it); the last one all slower ones.
  static constexpr std::size_t latency_buckets = 26;

  std::uint64_t writes = 0;  ///< calls of `write`, each with one or more batches
  std::uint64_t syncs = 0;   ///< of them synced
  std::uint64_t batches = 0;
  std::uint64_t bytes = 0;  ///< handed to RocksDB, before its own overhead
  std::chrono::nanoseconds synced_time{};
  std::array<std::uint64_t, latency_buckets> synced_latency{};
  bool is_stopped = false;  ///< a write failed; no other one was or will be tried
};

/// The logs and the applied state of all shards of a node, in one RocksDB. See FORMAT.md.
/// `load` and `write` are for one thread at a time; readers, images and `read_figures` for any.
class journal final : public replica::storage {
 public:
  /// Replays what the last run left. Everything that was recovered is durable on return, synced before or not.
  /// @returns `errc::corrupt` if synced writes are damaged or missing: says which; `errc::conflict` if a newer version wrote it.
  [[nodiscard]] static result<std::unique_ptr<journal>> open(const options& how);
  ~journal() override;

  result<replica::recovered_shard> load(replica::shard_no shard) override;
  result<void> write(std::span<const replica::persist_batch> batches) override;
  const replica::state_reader& state_of(replica::shard_no shard) override;
  [[nodiscard]] result<std::unique_ptr<replica::state_image>> read_image(replica::shard_no shard) override;
  [[nodiscard]] result<std::unique_ptr<replica::image_sink>> begin_image(replica::shard_no shard) override;

  [[nodiscard]] figures read_figures() const;

 private:
  struct parts;
  explicit journal(std::unique_ptr<parts> made);
  std::unique_ptr<parts> parts_;
};

class data_directory;
/// The journal of a data directory as it is opened without a node's settings.
[[nodiscard]] result<std::unique_ptr<journal>> open_in(const data_directory& home);

}  // namespace troupe::journal
