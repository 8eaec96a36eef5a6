#include "support/disk/lossy_file_system.hpp"

#include <rocksdb/env.h>
#include <rocksdb/system_clock.h>

#include <algorithm>
#include <cstring>
#include <random>

namespace troupe::test {
namespace {

using status = rocksdb::IOStatus;
using content = lossy_file_system::content;

std::string clean(std::string name) {
  std::string result;
  for (const char c : name)
    if (c != '/' || result.empty() || result.back() != '/') result.push_back(c);
  if (result.size() > 1 && result.back() == '/') result.pop_back();
  return result;
}

std::string parent_of(const std::string& name) { return name.substr(0, name.rfind('/')); }

std::size_t copy_out(const content& from, std::uint64_t offset, std::size_t n, char* to) {
  if (offset >= from.bytes.size()) return 0;
  const auto count = std::min<std::size_t>(n, from.bytes.size() - offset);
  std::memcpy(to, from.bytes.data() + offset, count);
  return count;
}

class reader final : public rocksdb::FSSequentialFile, public rocksdb::FSRandomAccessFile {
 public:
  reader(std::shared_ptr<content> from, std::mutex& mutex) : from_(std::move(from)), mutex_(mutex) {}
  status Read(std::size_t n, const rocksdb::IOOptions&, rocksdb::Slice* into, char* scratch, rocksdb::IODebugContext*) override {
    const std::lock_guard lock{mutex_};
    const auto count = copy_out(*from_, at_, n, scratch);
    at_ += count;
    *into = {scratch, count};
    return status::OK();
  }
  status Skip(std::uint64_t n) override {
    at_ += n;
    return status::OK();
  }
  status Read(std::uint64_t offset, std::size_t n, const rocksdb::IOOptions&, rocksdb::Slice* into, char* scratch,
              rocksdb::IODebugContext*) const override {
    const std::lock_guard lock{mutex_};
    *into = {scratch, copy_out(*from_, offset, n, scratch)};
    return status::OK();
  }
  bool use_direct_io() const override { return false; }
  std::size_t GetRequiredBufferAlignment() const override { return 1; }
  status InvalidateCache(std::size_t, std::size_t) override { return status::OK(); }
  rocksdb::Temperature GetTemperature() const override { return rocksdb::Temperature::kUnknown; }

 private:
  std::shared_ptr<content> from_;
  std::mutex& mutex_;
  std::uint64_t at_ = 0;
};

class writer final : public rocksdb::FSWritableFile {
 public:
  writer(std::shared_ptr<content> to, lossy_file_system& disk) : to_(std::move(to)), disk_(disk) {}
  using FSWritableFile::Append;
  status Append(const rocksdb::Slice& data, const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    return disk_.append(*to_, data);
  }
  status Close(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override { return status::OK(); }
  status Flush(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override { return status::OK(); }
  status Sync(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override { return disk_.sync(*to_); }
  bool IsSyncThreadSafe() const override { return true; }
  std::uint64_t GetFileSize(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    const std::lock_guard lock{disk_.mutex()};
    return to_->bytes.size();
  }

 private:
  std::shared_ptr<content> to_;
  lossy_file_system& disk_;
};

class directory final : public rocksdb::FSDirectory {
 public:
  directory(std::string name, lossy_file_system& disk) : name_(std::move(name)), disk_(disk) {}
  status Fsync(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override { return disk_.sync_directory(name_); }
  status Close(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override { return status::OK(); }

 private:
  std::string name_;
  lossy_file_system& disk_;
};

struct silent_logger final : rocksdb::Logger {
  using Logger::Logv;
  void Logv(const char*, va_list) override {}
  std::size_t GetLogFileSize() const override { return 0; }
};

/// Does not wait, so that RocksDB's pause after an error costs nothing.
class hasty_clock final : public rocksdb::SystemClockWrapper {
 public:
  hasty_clock() : SystemClockWrapper(rocksdb::SystemClock::Default()) {}
  const char* Name() const override { return "hasty_clock"; }
  void SleepForMicroseconds(int) override { SystemClockWrapper::SleepForMicroseconds(100); }
};

class environment final : public rocksdb::EnvWrapper {
 public:
  explicit environment(const std::shared_ptr<lossy_file_system>& disk) : EnvWrapper(rocksdb::NewCompositeEnv(disk)) {
    file_system_ = disk;
    system_clock_ = std::make_shared<hasty_clock>();
  }
  const char* Name() const override { return "environment"; }
};

struct no_lock final : rocksdb::FileLock {};

status missing(const std::string& name) { return status::NotFound(name); }

}  // namespace

lossy_file_system::lossy_file_system() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

void lossy_file_system::fail_at(std::uint64_t n, fault how, files which) {
  const std::lock_guard lock{mutex_};
  fail_at_ = changes_ + n;
  fault_ = how;
  which_ = which;
}

bool lossy_file_system::has_lost_power() const {
  const std::lock_guard lock{mutex_};
  return lost_.has_value();
}

std::uint64_t lossy_file_system::changes() const {
  const std::lock_guard lock{mutex_};
  return changes_;
}

status lossy_file_system::change(const content* of) {
  if (is_crash_next()) lost_ = copy_of_all();
  if (++changes_ != fail_at_ || fault_ == fault::crash) return status::OK();
  if (of != nullptr && of->is_log && which_ == files::all_but_logs) {
    ++fail_at_;
    return status::OK();
  }
  return fault_ == fault::no_space ? status::NoSpace("injected") : status::IOError("injected");
}

lossy_file_system::power_loss lossy_file_system::copy_of_all() const {
  std::map<const content*, std::shared_ptr<content>> copies;
  const auto copy = [&](const names& from) {
    names to;
    for (const auto& [name, file] : from) {
      auto& made = copies[file.get()];
      if (!made) made = std::make_shared<content>(*file);
      to[name] = made;
    }
    return to;
  };
  return {copy(live_), copy(durable_)};
}

void lossy_file_system::restart(unsynced how, std::uint64_t seed) {
  const std::lock_guard lock{mutex_};
  if (lost_) {
    live_ = lost_->live;
    durable_ = lost_->durable;
    lost_.reset();
  }
  if (how == unsynced::dropped) live_ = durable_;
  std::mt19937_64 random{seed};
  std::set<content*> seen;
  for (auto& [name, file] : live_) {
    if (!seen.insert(file.get()).second) continue;
    auto& bytes = file->bytes;
    const auto kept = std::min({file->synced, file->lost_from, bytes.size()});
    if (how == unsynced::dropped) bytes.resize(kept);
    if (how == unsynced::torn) bytes.resize(kept + random() % (bytes.size() - kept + 1));
    if (how == unsynced::zeroed) std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(kept), bytes.end(), '\0');
    file->synced = bytes.size();
    file->lost_from = std::string::npos;
  }
  durable_ = live_;
  fail_at_ = 0;
}

std::vector<std::string> lossy_file_system::paths() const {
  const std::lock_guard lock{mutex_};
  std::vector<std::string> found;
  for (const auto& [name, file] : live_) found.push_back(name);
  return found;
}

std::shared_ptr<content> lossy_file_system::find(const std::string& name) const {
  const auto at = live_.find(clean(name));
  return at == live_.end() ? nullptr : at->second;
}

std::size_t lossy_file_system::size_of(const std::string& name) const {
  const std::lock_guard lock{mutex_};
  return find(name)->bytes.size();
}

std::string lossy_file_system::bytes_of(const std::string& name) const {
  const std::lock_guard lock{mutex_};
  return find(name)->bytes;
}

void lossy_file_system::flip(const std::string& name, std::size_t byte, int bit) {
  const std::lock_guard lock{mutex_};
  auto& at = find(name)->bytes.at(byte);
  at = static_cast<char>(at ^ (1 << bit));
}

void lossy_file_system::zero(const std::string& name, std::size_t from, std::size_t size) {
  const std::lock_guard lock{mutex_};
  auto& bytes = find(name)->bytes;
  for (std::size_t i = from; i < std::min(bytes.size(), from + size); ++i) bytes[i] = '\0';
}

void lossy_file_system::cut(const std::string& name, std::size_t size) {
  const std::lock_guard lock{mutex_};
  find(name)->bytes.resize(size);
}

void lossy_file_system::remove(const std::string& name) {
  const std::lock_guard lock{mutex_};
  live_.erase(clean(name));
  durable_.erase(clean(name));
}

status lossy_file_system::append(content& to, const rocksdb::Slice& data) {
  const std::lock_guard lock{mutex_};
  // A write that fails, or in which the power goes, may leave a part of its bytes.
  const auto half = data.size() / 2;
  to.bytes.append(data.data(), half);
  const auto allowed = change(&to);
  if (allowed.ok()) to.bytes.append(data.data() + half, data.size() - half);
  return allowed;
}

status lossy_file_system::sync(content& what) {
  const std::lock_guard lock{mutex_};
  const auto allowed = change(&what);
  if (allowed.ok())
    what.synced = what.bytes.size();
  else
    what.lost_from = std::min(what.lost_from, what.synced);
  return allowed;
}

status lossy_file_system::sync_directory(const std::string& name) {
  const std::lock_guard lock{mutex_};
  if (const auto allowed = change(); !allowed.ok()) return allowed;
  std::erase_if(durable_, [&](const auto& entry) { return parent_of(entry.first) == name; });
  for (const auto& entry : live_)
    if (parent_of(entry.first) == name) durable_.insert(entry);
  return status::OK();
}

status lossy_file_system::NewSequentialFile(const path& name, const rocksdb::FileOptions&,
                                            std::unique_ptr<rocksdb::FSSequentialFile>* file, context*) {
  const std::lock_guard lock{mutex_};
  auto found = find(name);
  if (!found) return missing(name);
  *file = std::make_unique<reader>(std::move(found), mutex_);
  return status::OK();
}

status lossy_file_system::NewRandomAccessFile(const path& name, const rocksdb::FileOptions&,
                                              std::unique_ptr<rocksdb::FSRandomAccessFile>* file, context*) {
  const std::lock_guard lock{mutex_};
  auto found = find(name);
  if (!found) return missing(name);
  *file = std::make_unique<reader>(std::move(found), mutex_);
  return status::OK();
}

status lossy_file_system::NewWritableFile(const path& name, const rocksdb::FileOptions&,
                                          std::unique_ptr<rocksdb::FSWritableFile>* file, context*) {
  const std::lock_guard lock{mutex_};
  if (const auto allowed = change(); !allowed.ok()) return allowed;
  auto made = std::make_shared<content>();
  made->is_log = name.ends_with(".log");
  live_[clean(name)] = made;
  *file = std::make_unique<writer>(std::move(made), *this);
  return status::OK();
}

status lossy_file_system::ReopenWritableFile(const path& name, const rocksdb::FileOptions& how,
                                             std::unique_ptr<rocksdb::FSWritableFile>* file, context* debug) {
  {
    const std::lock_guard lock{mutex_};
    if (auto found = find(name)) {
      *file = std::make_unique<writer>(std::move(found), *this);
      return status::OK();
    }
  }
  return NewWritableFile(name, how, file, debug);
}

status lossy_file_system::ReuseWritableFile(const path&, const path&, const rocksdb::FileOptions&,
                                            std::unique_ptr<rocksdb::FSWritableFile>*, context*) {
  return status::NotSupported("log files are not recycled");
}

status lossy_file_system::NewDirectory(const path& name, const options&, std::unique_ptr<rocksdb::FSDirectory>* made, context*) {
  *made = std::make_unique<directory>(clean(name), *this);
  return status::OK();
}

status lossy_file_system::FileExists(const path& name, const options&, context*) {
  const std::lock_guard lock{mutex_};
  return find(name) || directories_.contains(clean(name)) ? status::OK() : missing(name);
}

status lossy_file_system::GetChildren(const path& name, const options&, std::vector<std::string>* found, context*) {
  const std::lock_guard lock{mutex_};
  const auto parent = clean(name);
  if (!directories_.contains(parent)) return missing(name);
  found->clear();
  for (const auto& [child, file] : live_)
    if (parent_of(child) == parent) found->push_back(child.substr(parent.size() + 1));
  return status::OK();
}

status lossy_file_system::DeleteFile(const path& name, const options&, context*) {
  const std::lock_guard lock{mutex_};
  if (!find(name)) return missing(name);
  if (const auto allowed = change(); !allowed.ok()) return allowed;
  live_.erase(clean(name));
  return status::OK();
}

status lossy_file_system::Truncate(const path& name, std::size_t size, const options&, context*) {
  const std::lock_guard lock{mutex_};
  const auto found = find(name);
  if (!found) return missing(name);
  if (const auto allowed = change(); !allowed.ok()) return allowed;
  found->bytes.resize(size);
  found->synced = std::min(found->synced, size);
  return status::OK();
}

status lossy_file_system::CreateDir(const path& name, const options&, context*) {
  const std::lock_guard lock{mutex_};
  directories_.insert(clean(name));
  return status::OK();
}

status lossy_file_system::CreateDirIfMissing(const path& name, const options& how, context* debug) {
  return CreateDir(name, how, debug);
}

status lossy_file_system::DeleteDir(const path& name, const options&, context*) {
  const std::lock_guard lock{mutex_};
  directories_.erase(clean(name));
  return status::OK();
}

status lossy_file_system::GetFileSize(const path& name, const options&, std::uint64_t* size, context*) {
  const std::lock_guard lock{mutex_};
  const auto found = find(name);
  if (!found) return missing(name);
  *size = found->bytes.size();
  return status::OK();
}

status lossy_file_system::GetFileModificationTime(const path&, const options&, std::uint64_t* when, context*) {
  *when = 0;
  return status::OK();
}

status lossy_file_system::RenameFile(const path& from, const path& to, const options&, context*) {
  const std::lock_guard lock{mutex_};
  auto found = find(from);
  if (!found) return missing(from);
  if (const auto allowed = change(); !allowed.ok()) return allowed;
  live_.erase(clean(from));
  live_[clean(to)] = std::move(found);
  return status::OK();
}

status lossy_file_system::LinkFile(const path& from, const path& to, const options&, context*) {
  const std::lock_guard lock{mutex_};
  auto found = find(from);
  if (!found) return missing(from);
  if (const auto allowed = change(); !allowed.ok()) return allowed;
  live_[clean(to)] = std::move(found);
  return status::OK();
}

status lossy_file_system::LockFile(const path&, const options&, rocksdb::FileLock** lock, context*) {
  *lock = std::make_unique<no_lock>().release();  // RocksDB hands it back to UnlockFile
  return status::OK();
}

status lossy_file_system::UnlockFile(rocksdb::FileLock* lock, const options&, context*) {
  const std::unique_ptr<no_lock> owner{static_cast<no_lock*>(lock)};
  return status::OK();
}

status lossy_file_system::NewLogger(const path&, const options&, std::shared_ptr<rocksdb::Logger>* made, context*) {
  *made = std::make_shared<silent_logger>();
  return status::OK();
}

status lossy_file_system::GetAbsolutePath(const path& name, const options&, std::string* absolute, context*) {
  *absolute = clean(name);
  return status::OK();
}

status lossy_file_system::IsDirectory(const path& name, const options&, bool* is_directory, context*) {
  const std::lock_guard lock{mutex_};
  *is_directory = directories_.contains(clean(name));
  return *is_directory || find(name) ? status::OK() : missing(name);
}

std::shared_ptr<rocksdb::Env> make_environment(std::shared_ptr<lossy_file_system> disk) {
  return std::make_shared<environment>(disk);
}

}  // namespace troupe::test
