#pragma once

#include "base/error.hpp"
#include "persistence/disk/disk.hpp"

#include <cstdint>
#include <filesystem>

namespace troupe::journal {

/// A file that holds the number of the last synced write. It is written after the sync and never synced itself, so it is exact
/// after the death of a process and may lag after the death of a machine, but it is never ahead: a journal that ends before it
/// has lost synced writes. Without it, a damage that looks like a torn tail could not be told from one.
class synced_mark {
 public:
  [[nodiscard]] static result<synced_mark> open(const std::filesystem::path& path);
  /// As found at `open`; 0 if there was none.
  [[nodiscard]] std::uint64_t found() const noexcept { return found_; }
  [[nodiscard]] result<void> set(std::uint64_t number);

 private:
  synced_mark(std::filesystem::path path, disk::file held) : path_(std::move(path)), file_(std::move(held)) {}

  std::filesystem::path path_;
  disk::file file_;
  std::uint64_t found_ = 0;
};

}  // namespace troupe::journal
