#include "persistence/artifacts/layout.hpp"

#include "persistence/disk/ballast.hpp"
#include "persistence/disk/disk.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace troupe::artifacts {
namespace {

namespace fs = std::filesystem;

constexpr bytes type_max{255};  // RFC 6838, 4.2: 127 characters, a slash, 127 characters

/// The size of a regular file. @returns `errc::not_found` if there is none.
result<bytes> size_of(const fs::path& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return disk::failure(errno, "no artifact at", path);
  if (!S_ISREG(found.st_mode)) return error{errc::corrupt, fmt::format("{} is no regular file", path.native())};
  return bytes{static_cast<std::uint64_t>(found.st_size)};
}

timestamp touched_at(const struct stat& file) {
  return timestamp{
      std::chrono::floor<duration>(std::chrono::seconds{file.st_mtim.tv_sec} + std::chrono::nanoseconds{file.st_mtim.tv_nsec})};
}

}  // namespace

result<void> layout::prepare() const {
  TROUPE_CHECK(disk::make_directory(root_));
  std::error_code failed;
  fs::remove_all(root_ / "tmp", failed);
  if (failed) return disk::failure(failed.value(), "cannot empty", root_ / "tmp");
  std::vector<fs::path> parts{root_ / "tmp"};
  for (unsigned i = 0; i < 256; ++i) parts.push_back(root_ / fmt::format("{:02x}", i));
  for (const auto& part : parts)
    if (::mkdir(part.c_str(), 0750) != 0 && errno != EEXIST) return disk::failure(errno, "cannot make directory", part);
  return disk::sync_directory(root_);
}

fs::path layout::new_temporary() const { return root_ / "tmp" / std::to_string(next_temporary_.fetch_add(1)); }

result<void> layout::admit(bytes size, bytes more) const {
  if (size > limits_.largest)
    return error{errc::too_large, fmt::format("an artifact may have {} bytes at most", limits_.largest.count())};
  if (limits_.keep_free.count() == 0) return {};
  TROUPE_TRY(const auto free, disk::free_space(root_));
  if (free < limits_.keep_free + more)
    return error{errc::no_space,
                 fmt::format("{} bytes are free on the disk of {}, {} of them are kept back: remove files or add space",
                             free.count(), root_.native(), limits_.keep_free.count())};
  return {};
}

result<std::string> layout::type_of(const digest& hash) const {
  auto text = disk::read_all(type_path_of(hash), type_max + bytes{1});
  if (!text && text.error().code == errc::not_found) return std::string{unknown_type};
  if (!text) return text.error();
  if (text->empty() || text->back() != '\n')
    return error{errc::corrupt, fmt::format("{} is damaged", type_path_of(hash).native())};
  text->pop_back();
  return text;
}

result<void> layout::put_type(const digest& hash, std::string_view media_type) const {
  const auto temporary = new_temporary();
  auto written = [&]() -> result<void> {
    TROUPE_TRY(const auto to, disk::open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0444));
    TROUPE_CHECK(disk::write_all(to, std::string{media_type} + "\n", temporary));
    TROUPE_CHECK(disk::sync(to, temporary));
    return disk::move_file(temporary, type_path_of(hash));
  }();
  if (!written) ::unlink(temporary.c_str());
  return written;
}

result<std::string> layout::publish(const fs::path& from, const digest& hash, bytes size, std::string_view media_type) const {
  if (media_type.size() > type_max.count() || media_type.find_first_of("\r\n") != std::string_view::npos)
    return error{errc::bad_request, fmt::format("a media type is one line of {} characters at most", type_max.count())};
  const auto target = path_of(hash);
  std::string holds;
  bool was_there = false;
  {
    const std::lock_guard lock{names_mutex_};
    TROUPE_TRY(holds, settle_type(hash, media_type));
    const auto there = size_of(target);
    was_there = there && *there == size;
    // Nothing there, or a file of a wrong size, which this one heals.
    if (!was_there) TROUPE_CHECK(disk::move_file(from, target));
    TROUPE_CHECK(make_young(target));
  }
  if (was_there) {
    // Whoever put it may not have synced it yet.
    TROUPE_TRY(const auto existing, disk::open(target, O_RDONLY));
    TROUPE_CHECK(disk::sync(existing, target));
    if (::unlink(from.c_str()) != 0) return disk::failure(errno, "cannot remove", from);
  }
  TROUPE_CHECK(disk::sync_directory(target.parent_path()));
  return holds;
}

result<std::string> layout::settle_type(const digest& hash, std::string_view media_type) const {
  auto given = std::string{media_type.empty() ? unknown_type : media_type};
  TROUPE_TRY(auto known, type_of(hash));
  if (known != unknown_type) return known;
  if (given != unknown_type) TROUPE_CHECK(put_type(hash, given));
  return given;
}

result<void> layout::make_young(const fs::path& path) const {
  const auto since = clock_().time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  const timespec at{seconds.count(), std::chrono::nanoseconds{since - seconds}.count()};
  const timespec times[] = {at, at};
  if (::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
    return disk::failure(errno, "cannot set the time of", path);
  return {};
}

result<model::artifact_ref> layout::stat(const digest& hash) const {
  TROUPE_TRY(const auto size, size_of(path_of(hash)));
  TROUPE_TRY(auto type, type_of(hash));
  return model::artifact_ref{hash, size, std::move(type)};
}

result<model::ports::touched_artifact> layout::touch(const digest& hash) const {
  const auto path = path_of(hash);
  const std::lock_guard lock{names_mutex_};
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return disk::failure(errno, "no artifact at", path);
  TROUPE_TRY(auto about, stat(hash));
  TROUPE_CHECK(make_young(path));
  return model::ports::touched_artifact{std::move(about), clock_() - touched_at(found)};
}

result<bool> layout::remove(const digest& hash, timestamp until) const {
  const auto path = path_of(hash);
  const std::lock_guard lock{names_mutex_};
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return false;
    return disk::failure(errno, "cannot look at", path);
  }
  if (touched_at(found) > until) return false;
  if (::unlink(path.c_str()) != 0) return disk::failure(errno, "cannot remove", path);
  ::unlink(type_path_of(hash).c_str());  // one that stays serves the next artifact of that name
  return true;
}

result<void> layout::walk(unsigned part, const std::function<bool(const stored_artifact&)>& visit) const {
  const auto directory = root_ / fmt::format("{:02x}", part);
  std::error_code failed;
  for (fs::directory_iterator at{directory, failed}, end; !failed && at != end; at.increment(failed)) {
    const auto hash = digest::from_hex(at->path().filename().native());
    struct stat found {};
    if (!hash || ::lstat(at->path().c_str(), &found) != 0 || !S_ISREG(found.st_mode)) continue;
    if (!visit({*hash, bytes{static_cast<std::uint64_t>(found.st_size)}, touched_at(found)})) return {};
  }
  if (failed) return disk::failure(failed.value(), "cannot list", directory);
  return {};
}

}  // namespace troupe::artifacts
