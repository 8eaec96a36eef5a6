#pragma once

#include "base/error.hpp"
#include "base/units.hpp"

#include <atomic>
#include <filesystem>

namespace troupe::disk {

/// A file that only takes room, to be given up when the disk is full although it should not be: what it frees lets a node end
/// cleanly, and its operator start it again. Any thread; `keep` one at a time.
class ballast {
 public:
  /// @param size  0: there is none, and the disk is never called full
  ballast(std::filesystem::path path, bytes size, bytes keep_free);

  /// Looks at the free space: gives the ballast up when a quarter of its size is left, and makes it again when there is room
  /// for it twice and for all that is kept free. @returns what failed; it is tried again with the next call
  result<void> keep(bytes free);
  /// Nothing happens if it is not there.
  void give_up() noexcept;
  [[nodiscard]] bool is_there() const noexcept { return is_there_; }
  /// The ballast is spent: nothing may begin that needs more room. Until it is back.
  [[nodiscard]] const std::atomic<bool>& is_full() const noexcept { return is_full_; }

 private:
  result<void> make();

  std::filesystem::path path_;
  bytes size_, keep_free_;
  std::atomic<bool> is_there_ = false, is_full_ = false;
};

/// What ordinary programs may still write on the disk of `path`.
[[nodiscard]] result<bytes> free_space(const std::filesystem::path& path);

}  // namespace troupe::disk
