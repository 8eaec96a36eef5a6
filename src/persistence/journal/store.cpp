#include "persistence/journal/store.hpp"

#include "base/log.hpp"
#include "persistence/journal/records.hpp"
#include "persistence/journal/status.hpp"
#include "persistence/journal/strict_disk.hpp"

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/sst_file_manager.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>

namespace troupe::journal {
namespace {

std::shared_ptr<rocksdb::Env> default_environment() {
  return {rocksdb::Env::Default(), [](rocksdb::Env*) {}};  // RocksDB owns it
}

/// What RocksDB has to complain of stands in the node's own log. In its text file the second line that does not fit on a full
/// disk ends the process (an assertion of `WritableFileWriter`).
class complaints final : public rocksdb::Logger {
 public:
  complaints() : Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}
  void Logv(const char* format, std::va_list values) override { Logv(rocksdb::InfoLogLevel::WARN_LEVEL, format, values); }
  void Logv(const rocksdb::InfoLogLevel level, const char* format, std::va_list values) override {
    if (level < GetInfoLogLevel()) return;
    // It warns of each write that waits for a flush.
    const auto as = level >= rocksdb::InfoLogLevel::ERROR_LEVEL ? log::level::warn : log::level::debug;
    if (!log::enabled(as)) return;
    std::array<char, 1024> line{};
    std::vsnprintf(line.data(), line.size(), format, values);
    std::string text{line.data()};
    std::ranges::replace_if(
        text, [](unsigned char c) { return c < ' ' || c == '"'; }, '\'');
    log::emit(as, "rocksdb", "text=\"{}\"", text);
  }
};

rocksdb::DBOptions database_options(const options& how, bool may_create) {
  rocksdb::DBOptions db;
  db.create_if_missing = may_create;
  db.create_missing_column_families = true;
  db.paranoid_checks = true;
  // A torn record at the very end is the normal trace of a crash; any other damage must be seen, not skipped.
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  // A recycled log file ends in old records, and this recovery mode takes the first damage in one for its end.
  db.recycle_log_file_num = 0;
  db.track_and_verify_wals_in_manifest = true;  // a missing or shortened older log file is found
  db.allow_concurrent_memtable_write = false;   // one thread writes, and it need not pay for others
  // RocksDB would otherwise try again after a failed write. A sync that failed once may succeed the next time although the
  // data are gone.
  db.max_bgerror_resume_count = 0;
  db.max_total_wal_size = std::max(2 * how.write_buffer.count(), (4_MiB).count());
  db.max_open_files = how.open_files_max;
  db.max_background_jobs = 2;
  db.bytes_per_sync = (1_MiB).count();  // table files reach the disk bit by bit, so that log syncs do not wait behind them
  db.info_log = std::make_shared<complaints>();
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  return db;
}

/// Removes files in pieces, with pauses. Some file systems make syncs wait for a third of a second while log files go at once.
std::shared_ptr<rocksdb::SstFileManager> remover(rocksdb::Env* environment) {
  constexpr auto a_second = 256_MiB, piece = 4_MiB;
  constexpr double in_wait_most = 8;  // times the size of the tables; above, files are removed at once
  return std::shared_ptr<rocksdb::SstFileManager>{
      rocksdb::NewSstFileManager(environment, nullptr, "", a_second.count(), true, nullptr, in_wait_most, piece.count())};
}

rocksdb::ColumnFamilyOptions family_options(const options& how, const std::shared_ptr<rocksdb::Cache>& cache, bool compress) {
  rocksdb::ColumnFamilyOptions family;
  family.write_buffer_size = how.write_buffer.count();
  family.max_write_buffer_number = 2;
  family.memtable_whole_key_filtering = true;  // a new idempotency key is looked for, and not found
  family.memtable_prefix_bloom_size_ratio = 0.02;
  family.compression = compress ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;  // else they are outside of every limit
  table.cache_index_and_filter_blocks_with_high_priority = true;
  // In one piece, the filter of a large table does not fit into a shard of the cache, and each look-up reads it from the disk.
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;  // Debian's RocksDB reckons CRC-32C without the processor's help
  // The newest tables are asked for each new idempotency key.
  table.metadata_cache_options.partition_pinning = rocksdb::PinningTier::kFlushedAndSimilar;
  table.metadata_cache_options.unpartitioned_pinning = rocksdb::PinningTier::kFlushedAndSimilar;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return family;
}

/// Keys of one kind are written in their order, many at once: each looks for its place from that of the one before. A kind is the
/// shard and one letter.
rocksdb::ColumnFamilyOptions state_options(const options& how, const std::shared_ptr<rocksdb::Cache>& cache) {
  auto family = family_options(how, cache, true);
  family.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(5));
  return family;
}

}  // namespace

result<std::unique_ptr<store>> store::open(const options& how, bool may_create) {
  std::unique_ptr<store> made{new store};
  auto db_options = database_options(how, may_create);
  made->environment_ = make_strict(how.environment ? how.environment : default_environment());
  db_options.env = made->environment_.get();
  db_options.sst_file_manager = remover(db_options.env);
  db_options.wal_filter = &made->replay_;
  const auto cache = rocksdb::NewLRUCache(how.block_cache.count());
  const std::vector<rocksdb::ColumnFamilyDescriptor> families{
      {rocksdb::kDefaultColumnFamilyName, family_options(how, cache, false)},
      {"log", family_options(how, cache, false)},
      {"state", state_options(how, cache)}};
  rocksdb::DB* db = nullptr;
  const auto path = how.directory / "db";
  if (may_create) {  // RocksDB makes it, too, but complains before
    const auto there = db_options.env->CreateDirIfMissing(path.native());
    if (!there.ok()) return to_error(there, fmt::format("cannot make {}", path.native()));
  }
  const auto status = rocksdb::DB::Open(db_options, path.native(), families, &made->families_, &db);
  made->db_.reset(db);
  if (const auto& damage = made->replay_.damage()) return *damage;
  if (!status.ok()) return to_error(status, fmt::format("cannot open the journal {}", path.native()));
  TROUPE_CHECK(made->check_format());
  return made;
}

store::~store() {
  if (!db_) return;
  for (auto* family : families_) db_->DestroyColumnFamilyHandle(family);
  db_->Close();  // its status says nothing new: what had to be durable was synced
}

result<void> store::check_format() {
  std::string text;
  const auto status = db_->Get(rocksdb::ReadOptions{}, meta(), rocksdb::Slice{format_key}, &text);
  if (status.IsNotFound()) {
    rocksdb::WriteOptions synced;
    synced.sync = true;
    const auto written = db_->Put(synced, meta(), rocksdb::Slice{format_key}, encode_number(format_version));
    if (!written.ok()) return to_error(written, "cannot write the journal's format");
    return {};
  }
  if (!status.ok()) return to_error(status, "cannot read the journal's format");
  const auto found = decode_number(text);
  if (!found) return error{errc::corrupt, "the journal's format is damaged"};
  if (*found > format_version)
    return error{errc::conflict,
                 fmt::format("the journal has format {}, this program knows up to {}: start a newer version of troupe", *found,
                             format_version)};
  return {};
}

}  // namespace troupe::journal
