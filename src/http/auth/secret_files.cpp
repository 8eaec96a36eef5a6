#include "http/auth/secret_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace troupe::auth {
namespace {

constexpr std::size_t file_most = std::size_t{64} << 10;

/// An open file that is closed with its owner.
struct opened {
  explicit opened(int given) : raw(given) {}
  ~opened() {
    if (raw >= 0) ::close(raw);
  }
  opened(const opened&) = delete;
  opened& operator=(const opened&) = delete;
  int raw;
};

error failed(std::string_view what, const std::filesystem::path& path) {
  const int why = errno;
  return {why == ENOENT ? errc::not_found : errc::io_failed,
          fmt::format("cannot {} {}: {}", what, path.native(), std::strerror(why))};
}

result<void> sync_directory(const std::filesystem::path& path) {
  const opened directory{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (directory.raw < 0 || ::fsync(directory.raw) != 0) return failed("sync", path);
  return {};
}

}  // namespace

result<std::string> read_small_file(const std::filesystem::path& path) {
  const opened file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.raw < 0) return failed("open", path);
  std::string out(file_most + 1, '\0');
  std::size_t size = 0;
  while (size < out.size()) {
    const auto got = ::read(file.raw, out.data() + size, out.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", path);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > file_most) return error{errc::io_failed, fmt::format("{} is longer than 64 KiB", path.native())};
  out.resize(size);
  return out;
}

result<void> write_secret_file(const std::filesystem::path& path, std::string_view text) {
  auto next = path;
  next += ".new";
  {
    ::unlink(next.c_str());  // of a start that was cut off
    const opened file{::open(next.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR)};
    if (file.raw < 0) return failed("make", next);
    while (!text.empty()) {
      const auto wrote = ::write(file.raw, text.data(), text.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) return failed("write", next);
      text.remove_prefix(static_cast<std::size_t>(wrote));
    }
    if (::fsync(file.raw) != 0) return failed("sync", next);
  }
  if (std::rename(next.c_str(), path.c_str()) != 0) return failed("rename", next);
  return sync_directory(path.parent_path());
}

result<void> make_secret_directory(const std::filesystem::path& path) {
  std::error_code failure;
  const auto above = std::filesystem::absolute(path, failure).parent_path();
  if (!failure) std::filesystem::create_directories(above, failure);
  if (failure) return error{errc::io_failed, fmt::format("cannot make {}: {}", above.native(), failure.message())};
  if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) return failed("make", path);
  return sync_directory(above);
}

}  // namespace troupe::auth
