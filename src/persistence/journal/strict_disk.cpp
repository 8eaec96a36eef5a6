#include "persistence/journal/strict_disk.hpp"

#include <rocksdb/file_system.h>

#include <mutex>

namespace troupe::journal {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

class strict_file final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  using FSWritableFileOwnerWrapper::FSWritableFileOwnerWrapper;

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& how, IODebugContext* debug) override {
    return guarded([&] { return target()->Append(data, how, debug); });
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& how, const rocksdb::DataVerificationInfo& check,
                  IODebugContext* debug) override {
    return guarded([&] { return target()->Append(data, how, check, debug); });
  }
  IOStatus PositionedAppend(const rocksdb::Slice& data, std::uint64_t offset, const IOOptions& how,
                            IODebugContext* debug) override {
    return guarded([&] { return target()->PositionedAppend(data, offset, how, debug); });
  }
  IOStatus PositionedAppend(const rocksdb::Slice& data, std::uint64_t offset, const IOOptions& how,
                            const rocksdb::DataVerificationInfo& check, IODebugContext* debug) override {
    return guarded([&] { return target()->PositionedAppend(data, offset, how, check, debug); });
  }
  IOStatus Sync(const IOOptions& how, IODebugContext* debug) override {
    return guarded([&] { return target()->Sync(how, debug); });
  }
  IOStatus Fsync(const IOOptions& how, IODebugContext* debug) override {
    return guarded([&] { return target()->Fsync(how, debug); });
  }
  IOStatus RangeSync(std::uint64_t offset, std::uint64_t size, const IOOptions& how, IODebugContext* debug) override {
    return guarded([&] { return target()->RangeSync(offset, size, how, debug); });
  }

 private:
  template <class Call>
  IOStatus guarded(Call call) {
    {
      const std::lock_guard lock{mutex_};
      if (!first_failure_.ok()) return first_failure_;
    }
    const auto done = call();
    if (!done.ok()) {
      const std::lock_guard lock{mutex_};
      first_failure_ = done;
    }
    return done;
  }

  std::mutex mutex_;  // a sync may run beside an append
  IOStatus first_failure_;
};

class strict_file_system final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "troupe.strict_file_system"; }

  IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& how,
                           std::unique_ptr<rocksdb::FSWritableFile>* made, IODebugContext* debug) override {
    return wrap(target()->NewWritableFile(name, how, made, debug), *made);
  }
  IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& how,
                              std::unique_ptr<rocksdb::FSWritableFile>* made, IODebugContext* debug) override {
    return wrap(target()->ReopenWritableFile(name, how, made, debug), *made);
  }

 private:
  static IOStatus wrap(IOStatus opened, std::unique_ptr<rocksdb::FSWritableFile>& file) {
    if (opened.ok()) file = std::make_unique<strict_file>(std::move(file));
    return opened;
  }
};

class strict_environment final : public rocksdb::EnvWrapper {
 public:
  explicit strict_environment(std::shared_ptr<rocksdb::Env> base)
      : strict_environment(std::make_shared<strict_file_system>(base->GetFileSystem()), base) {}
  const char* Name() const override { return "troupe.strict_environment"; }

 private:
  // The composite passes calls of Env on to the file system; the members are what RocksDB asks for.
  strict_environment(const std::shared_ptr<rocksdb::FileSystem>& disk, std::shared_ptr<rocksdb::Env> base)
      : EnvWrapper(rocksdb::NewCompositeEnv(disk)), base_(std::move(base)) {
    file_system_ = disk;
    system_clock_ = base_->GetSystemClock();
  }

  std::shared_ptr<rocksdb::Env> base_;
};

}  // namespace

std::shared_ptr<rocksdb::Env> make_strict(std::shared_ptr<rocksdb::Env> base) {
  return std::make_shared<strict_environment>(std::move(base));
}

}  // namespace troupe::journal
