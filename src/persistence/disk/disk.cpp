#include "persistence/disk/disk.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace troupe::disk {

file::~file() {
  if (descriptor_ >= 0) ::close(descriptor_);  // whatever must be durable was synced, and that told of errors
}

error failure(int code, std::string_view doing, const std::filesystem::path& path) {
  const auto kind = code == ENOSPC || code == EDQUOT ? errc::no_space
                    : code == ENOENT                 ? errc::not_found
                    : code == EFBIG                  ? errc::too_large
                                                     : errc::io_failed;
  return error{kind, fmt::format("{} {}: {}", doing, path.native(), std::strerror(code))};
}

result<file> open(const std::filesystem::path& path, int flags, unsigned mode) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  if (descriptor < 0) return failure(errno, "cannot open", path);
  return file{descriptor};
}

result<void> write_all(const file& to, std::string_view data, const std::filesystem::path& path) {
  while (!data.empty()) {
    const auto written = ::write(to.descriptor(), data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failure(errno, "cannot write", path);
    data.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

result<std::string> read_all(const std::filesystem::path& path, bytes limit) {
  TROUPE_TRY(const auto from, open(path, O_RDONLY));
  std::string content;
  std::array<char, 4096> buffer;
  while (true) {
    const auto count = ::read(from.descriptor(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure(errno, "cannot read", path);
    if (count == 0) return content;
    content.append(buffer.data(), static_cast<std::size_t>(count));
    if (content.size() > limit.count())
      return error{errc::too_large, fmt::format("{} is larger than {} bytes", path.native(), limit.count())};
  }
}

result<void> sync(const file& what, const std::filesystem::path& path) {
  // No second try after an error: the kernel may have dropped the pages, and would then answer that all is well.
  if (::fsync(what.descriptor()) != 0) return failure(errno, "cannot sync", path);
  return {};
}

result<void> sync_directory(const std::filesystem::path& path) {
  TROUPE_TRY(const auto directory, open(path, O_RDONLY | O_DIRECTORY));
  return sync(directory, path);
}

result<void> make_directory(const std::filesystem::path& path, unsigned mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return failure(errno, "cannot make directory", path);
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return failure(errno, "cannot use directory", path);
  if (!S_ISDIR(found.st_mode)) return failure(ENOTDIR, "cannot use directory", path);
  const auto parent = path.has_parent_path() ? path.parent_path() : std::filesystem::path{"."};
  return sync_directory(parent);
}

result<bool> holds_nothing(const std::filesystem::path& directory) {
  std::error_code failed;
  if (!std::filesystem::exists(directory, failed) && !failed) return true;
  for (std::filesystem::directory_iterator at{directory, failed}, end; !failed && at != end; at.increment(failed))
    if (at->path().filename() != "lost+found") return false;
  if (failed) return failure(failed.value(), "cannot look into", directory);
  return true;
}

result<void> move_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return failure(errno, "cannot rename to", to);
  return {};
}

result<void> replace_file(const std::filesystem::path& path, std::string_view content, unsigned mode) {
  const auto temporary = std::filesystem::path{path.native() + ".new"};
  ::unlink(temporary.c_str());  // of a start that was cut off, perhaps with another mode
  auto written = [&]() -> result<void> {
    TROUPE_TRY(const auto to, open(temporary, O_WRONLY | O_CREAT | O_EXCL, mode));
    TROUPE_CHECK(write_all(to, content, temporary));
    TROUPE_CHECK(sync(to, temporary));
    return move_file(temporary, path);
  }();
  if (!written) {
    ::unlink(temporary.c_str());
    return written;
  }
  return sync_directory(path.has_parent_path() ? path.parent_path() : std::filesystem::path{"."});
}

}  // namespace troupe::disk
