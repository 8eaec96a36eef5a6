#pragma once

#include "cli/failure.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace troupe::cli {

/// The whole of a text file, at most 64 MiB. "-": standard input.
[[nodiscard]] outcome<std::string> read_text(const std::string& path);

/// A file that appears under its name only when it is complete. Destroyed without `finish`, it leaves nothing behind.
class file_writer {
 public:
  /// Opens a temporary neighbour of `target`. @returns `local_file` if the folder is missing or not writable.
  [[nodiscard]] static outcome<file_writer> open(const std::filesystem::path& target);
  ~file_writer();
  file_writer(file_writer&& other) noexcept;
  file_writer& operator=(file_writer&&) = delete;

  /// @returns false when the disk refuses; `why()` says why.
  [[nodiscard]] bool write(std::string_view data);
  /// Renames it to its name, replacing what was there.
  [[nodiscard]] outcome<void> finish();
  [[nodiscard]] failure why() const;
  [[nodiscard]] const std::filesystem::path& temporary() const noexcept { return temporary_; }

 private:
  file_writer(int handle, std::filesystem::path target, std::filesystem::path temporary);
  int handle_;
  int failed_ = 0;
  std::filesystem::path target_, temporary_;
};

/// Copies standard input to a temporary file, because an upload may have to start again. The caller removes it.
[[nodiscard]] outcome<std::filesystem::path> spool_standard_input();

/// "image/png" for me.png; "application/octet-stream" for what is not known.
[[nodiscard]] std::string_view media_type_of(const std::filesystem::path& file) noexcept;
/// ".mp4" for "video/mp4"; "" for what is not known.
[[nodiscard]] std::string_view extension_of(std::string_view media_type) noexcept;

}  // namespace troupe::cli
