#pragma once

#include "base/error.hpp"
#include "base/units.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace troupe::disk {

/// Owns a descriptor.
class file {
 public:
  file() = default;
  explicit file(int descriptor) noexcept : descriptor_(descriptor) {}
  file(file&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  file& operator=(file&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~file();
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  [[nodiscard]] bool is_open() const noexcept { return descriptor_ >= 0; }

 private:
  int descriptor_ = -1;
};

/// The error of a system call: `no_space` for a full disk or quota, `not_found`, `too_large` over the size limit of files,
/// else `io_failed`.
[[nodiscard]] error failure(int code, std::string_view doing, const std::filesystem::path& path);

/// `open(2)` with close-on-exec.
[[nodiscard]] result<file> open(const std::filesystem::path& path, int flags, unsigned mode = 0);
/// Writes all of `data` at the file's position.
[[nodiscard]] result<void> write_all(const file& to, std::string_view data, const std::filesystem::path& path);
/// Reads a whole file. @returns `errc::too_large` if it is larger than `limit`.
[[nodiscard]] result<std::string> read_all(const std::filesystem::path& path, bytes limit);
/// Makes the content of a file durable.
[[nodiscard]] result<void> sync(const file& what, const std::filesystem::path& path);
/// Makes the entries of a directory durable: what was created, renamed or removed in it.
[[nodiscard]] result<void> sync_directory(const std::filesystem::path& path);
/// Makes a directory, durably. Nothing happens, but the sync, if it exists.
[[nodiscard]] result<void> make_directory(const std::filesystem::path& path, unsigned mode = 0750);
/// Whether there is nothing in a directory, or no such directory. What a file system puts into its root does not count.
[[nodiscard]] result<bool> holds_nothing(const std::filesystem::path& directory);
[[nodiscard]] result<void> move_file(const std::filesystem::path& from, const std::filesystem::path& to);
/// Replaces a small file in one step: after a crash it holds the old or the new content. Durable on return.
/// Two calls for one path may not overlap.
[[nodiscard]] result<void> replace_file(const std::filesystem::path& path, std::string_view content, unsigned mode = 0640);

}  // namespace troupe::disk
