#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace troupe::test {

/// What becomes of bytes that were written, but not synced, when the power goes.
enum class unsynced {
  dropped,  ///< gone, as are new names, renames and removals in directories that were not synced
  torn,     ///< a part of each file's tail stays, and all names do
  zeroed,   ///< the length stays, the bytes are zeros, and all names do
  kept      ///< all stays: the process died, not the machine
};

/// A file system in memory for RocksDB that loses what was not synced and fails when it is told to. Files are only appended to,
/// which is all that RocksDB does. Any thread.
class lossy_file_system final : public rocksdb::FileSystemWrapper {
 public:
  enum class fault { crash, io_error, no_space };

  lossy_file_system();

  enum class files { all, all_but_logs };

  /// The `n`-th change from now on (from 1: each append, sync, creation, rename, removal) meets the fault. With `crash` the disk
  /// as it is at this moment is what `restart` finds; those who do not know yet may write on. An error happens once; if the
  /// change is of a file that is spared, to the next one.
  void fail_at(std::uint64_t n, fault how, files which = files::all);
  [[nodiscard]] bool has_lost_power() const;
  [[nodiscard]] std::uint64_t changes() const;
  /// The power is back. Nobody may have a file open. `seed` chooses how much of a torn tail stays.
  void restart(unsynced how, std::uint64_t seed = 1);

  [[nodiscard]] std::vector<std::string> paths() const;
  [[nodiscard]] std::size_t size_of(const std::string& path) const;
  [[nodiscard]] std::string bytes_of(const std::string& path) const;
  void flip(const std::string& path, std::size_t byte, int bit);
  void zero(const std::string& path, std::size_t from, std::size_t size);
  void cut(const std::string& path, std::size_t size);
  void remove(const std::string& path);

  const char* Name() const override { return "lossy_file_system"; }
  using options = rocksdb::IOOptions;
  using context = rocksdb::IODebugContext;
  using status = rocksdb::IOStatus;
  using path = std::string;
  status NewSequentialFile(const path&, const rocksdb::FileOptions&, std::unique_ptr<rocksdb::FSSequentialFile>*,
                           context*) override;
  status NewRandomAccessFile(const path&, const rocksdb::FileOptions&, std::unique_ptr<rocksdb::FSRandomAccessFile>*,
                             context*) override;
  status NewWritableFile(const path&, const rocksdb::FileOptions&, std::unique_ptr<rocksdb::FSWritableFile>*, context*) override;
  status ReopenWritableFile(const path&, const rocksdb::FileOptions&, std::unique_ptr<rocksdb::FSWritableFile>*,
                            context*) override;
  status ReuseWritableFile(const path&, const path&, const rocksdb::FileOptions&, std::unique_ptr<rocksdb::FSWritableFile>*,
                           context*) override;
  status NewDirectory(const path&, const options&, std::unique_ptr<rocksdb::FSDirectory>*, context*) override;
  status FileExists(const path&, const options&, context*) override;
  status GetChildren(const path&, const options&, std::vector<std::string>*, context*) override;
  status DeleteFile(const path&, const options&, context*) override;
  status Truncate(const path&, std::size_t, const options&, context*) override;
  status CreateDir(const path&, const options&, context*) override;
  status CreateDirIfMissing(const path&, const options&, context*) override;
  status DeleteDir(const path&, const options&, context*) override;
  status GetFileSize(const path&, const options&, std::uint64_t*, context*) override;
  status GetFileModificationTime(const path&, const options&, std::uint64_t*, context*) override;
  status RenameFile(const path&, const path&, const options&, context*) override;
  status LinkFile(const path&, const path&, const options&, context*) override;
  status LockFile(const path&, const options&, rocksdb::FileLock**, context*) override;
  status UnlockFile(rocksdb::FileLock*, const options&, context*) override;
  status NewLogger(const path&, const options&, std::shared_ptr<rocksdb::Logger>*, context*) override;
  status GetAbsolutePath(const path&, const options&, std::string*, context*) override;
  status IsDirectory(const path&, const options&, bool*, context*) override;

  /// One file's bytes; names lead to it. Used by the open files.
  struct content {
    std::string bytes;
    std::size_t synced = 0;
    bool is_log = false;
    std::size_t lost_from = std::string::npos;  ///< a sync failed: these bytes never reach the disk, whatever later syncs say
  };
  status append(content& to, const rocksdb::Slice& data);
  status sync(content& what);
  status sync_directory(const std::string& directory);
  [[nodiscard]] std::mutex& mutex() const { return mutex_; }

 private:
  using names = std::map<std::string, std::shared_ptr<content>>;
  struct power_loss {
    names live, durable;
  };
  /// Counts a change; an error if it may not happen. Under the mutex.
  status change(const content* of = nullptr);
  [[nodiscard]] bool is_crash_next() const { return fault_ == fault::crash && changes_ + 1 == fail_at_; }
  [[nodiscard]] power_loss copy_of_all() const;
  std::shared_ptr<content> find(const std::string& name) const;

  mutable std::mutex mutex_;
  names live_, durable_;
  std::set<std::string> directories_;  // durable at once: who makes them syncs them on the real file system
  std::uint64_t changes_ = 0;
  std::uint64_t fail_at_ = 0;
  fault fault_ = fault::crash;
  files which_ = files::all;
  std::optional<power_loss> lost_;
};

/// RocksDB on that disk, with a clock that does not wait: RocksDB sleeps for a second after a failed flush.
[[nodiscard]] std::shared_ptr<rocksdb::Env> make_environment(std::shared_ptr<lossy_file_system> disk);

}  // namespace troupe::test
