#include "worker/host/scratch.hpp"

#include "base/log.hpp"
#include "worker/protocol/descriptor.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace troupe::worker {
namespace {

namespace fs = std::filesystem;

void make_writable(const fs::path& directory) {
  std::error_code failure;
  fs::permissions(directory, fs::perms::owner_all, fs::perm_options::add | fs::perm_options::nofollow, failure);
  for (fs::directory_iterator entry{directory, failure}, end; !failure && entry != end; entry.increment(failure)) {
    std::error_code ignored;
    if (entry->symlink_status(ignored).type() == fs::file_type::directory) make_writable(entry->path());
  }
}

error refused(const fs::path& file, std::string_view why) {
  return {errc::bad_request, fmt::format("output file {}: {}", file.native().substr(0, 1000), why)};
}

/// Opens a file for its identity only: neither a pipe nor a device is touched by that.
result<descriptor> open_below(const fs::path& directory, const fs::path& relative, const fs::path& file) {
  const descriptor base{::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  if (!base.is_open()) return error{errc::io_failed, fmt::format("cannot open {}: {}", directory.native(), std::strerror(errno))};
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  descriptor opened{static_cast<int>(::syscall(SYS_openat2, base.get(), relative.c_str(), &how, sizeof how))};
  if (opened.is_open()) return opened;
  if (errno == EXDEV)
    return refused(file, "it lies outside of the attempt's scratch directory; write it into the directory named by \"out\"");
  if (errno == ENOENT) return refused(file, "there is no such file; it must be written and closed before it is named");
  return refused(file, std::strerror(errno));
}

result<std::uint64_t> copy_file(const fs::path& from, const fs::path& to, std::uint64_t size) {
  std::error_code failure;
  fs::copy_file(from, to, failure);
  if (failure)
    return error{failure == std::errc::no_space_on_device ? errc::no_space : errc::io_failed,
                 fmt::format("cannot copy output file {}: {}", from.native(), failure.message())};
  return size;
}

}  // namespace

void remove_tree(const fs::path& directory) {
  std::error_code failure;
  fs::remove_all(directory, failure);
  if (!failure) return;
  make_writable(directory);
  failure.clear();
  fs::remove_all(directory, failure);
  if (failure) log::warn("scratch_not_removed", "directory={} why={}", directory.native(), failure.message());
}

bool holds_only(const fs::path& directory, std::string_view name) {
  struct stat found {};
  if (::lstat(directory.c_str(), &found) != 0 || found.st_mode != (S_IFDIR | 0700)) return false;
  std::error_code failure;
  std::size_t entries = 0;
  for (fs::directory_iterator entry{directory, failure}, end; !failure && entry != end; entry.increment(failure)) {
    if (entry->path().filename().native() != name) return false;
    ++entries;
  }
  return !failure && entries == (name.empty() ? 0 : 1);
}

bytes disk_used_by(const fs::path& directory) {
  constexpr std::uint64_t block = 512;  // of st_blocks
  std::uint64_t used = 0;
  std::error_code failure;
  for (fs::recursive_directory_iterator entry{directory, failure}, end; !failure && entry != end; entry.increment(failure)) {
    struct stat found {};
    if (::lstat(entry->path().c_str(), &found) == 0) used += static_cast<std::uint64_t>(found.st_blocks) * block;
  }
  return bytes{used};
}

result<void> make_directory(const fs::path& directory) {
  if (::mkdir(directory.c_str(), 0700) == 0) return {};
  return error{errno == ENOSPC ? errc::no_space : errc::io_failed,
               fmt::format("cannot make {}: {}", directory.native(), std::strerror(errno))};
}

result<std::uint64_t> take_file(const fs::path& file, const fs::path& scratch, const fs::path& to) {
  const auto relative = file.lexically_relative(scratch);
  if (!file.is_absolute() || relative.empty() || *relative.begin() == "..")
    return refused(file, "it lies outside of the attempt's scratch directory; write it into the directory named by \"out\"");
  TROUPE_TRY(const auto opened, open_below(scratch, relative, file));
  struct stat found {};
  if (::fstat(opened.get(), &found) != 0) return refused(file, std::strerror(errno));
  if (!S_ISREG(found.st_mode))
    return refused(file, S_ISDIR(found.st_mode) ? "it is a directory, not a file" : "it is no regular file");
  const auto size = static_cast<std::uint64_t>(found.st_size);
  const fs::path handle = fmt::format("/proc/self/fd/{}", opened.get());
  if (found.st_nlink > 1) return copy_file(handle, to, size);  // somebody could still write to it under its other name
  std::error_code failure;
  const auto real = fs::read_symlink(handle, failure);
  if (failure || ::rename(real.c_str(), to.c_str()) != 0) return refused(file, std::strerror(errno));
  struct stat moved {};
  if (::lstat(to.c_str(), &moved) != 0 || moved.st_ino != found.st_ino || moved.st_dev != found.st_dev)
    return refused(file, "it was replaced while it was taken over");
  return size;
}

}  // namespace troupe::worker
