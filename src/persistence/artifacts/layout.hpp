#pragma once

#include "base/digest.hpp"
#include "base/error.hpp"
#include "persistence/artifacts/artifact_store.hpp"

#include <atomic>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace troupe::artifacts {

inline constexpr std::string_view unknown_type = "application/octet-stream";

/// Where things are in the store's directory, and how they get there durably. Any thread.
class layout {
 public:
  layout(std::filesystem::path root, const limits& bounds, std::function<timestamp()> clock)
      : root_(std::move(root)), limits_(bounds), clock_(std::move(clock)) {}
  /// Makes the directories and empties `tmp`.
  result<void> prepare() const;

  [[nodiscard]] std::filesystem::path path_of(const digest& hash) const { return directory_of(hash) / hash.hex(); }
  [[nodiscard]] std::filesystem::path new_temporary() const;
  /// @returns `errc::too_large` or `errc::no_space` if `size` bytes, of which `more` are not yet on the disk, may not be kept.
  [[nodiscard]] result<void> admit(bytes size, bytes more) const;
  /// Gives synced content at `from` its name; `from` is gone on success. Durable on return. @returns the media type that holds.
  [[nodiscard]] result<std::string> publish(const std::filesystem::path& from, const digest& hash, bytes size,
                                            std::string_view media_type) const;
  /// @returns `errc::not_found` if there is no such artifact.
  [[nodiscard]] result<model::artifact_ref> stat(const digest& hash) const;
  // As in `store`.
  [[nodiscard]] result<model::ports::touched_artifact> touch(const digest& hash) const;
  [[nodiscard]] result<bool> remove(const digest& hash, timestamp until) const;
  [[nodiscard]] result<void> walk(unsigned part, const std::function<bool(const stored_artifact&)>& visit) const;
  [[nodiscard]] timestamp now() const { return clock_(); }

 private:
  [[nodiscard]] std::filesystem::path directory_of(const digest& hash) const { return root_ / hash.hex().substr(0, 2); }
  [[nodiscard]] std::filesystem::path type_path_of(const digest& hash) const { return path_of(hash).native() + ".type"; }
  [[nodiscard]] result<std::string> type_of(const digest& hash) const;
  [[nodiscard]] result<void> put_type(const digest& hash, std::string_view media_type) const;
  /// The type that holds for `hash` once it has been said to be `media_type`.
  [[nodiscard]] result<std::string> settle_type(const digest& hash, std::string_view media_type) const;
  [[nodiscard]] result<void> make_young(const std::filesystem::path& path) const;

  std::filesystem::path root_;
  limits limits_;
  std::function<timestamp()> clock_;
  mutable std::atomic<std::uint64_t> next_temporary_ = 1;
  mutable std::mutex names_mutex_;  // what is read of a name and then decided about it: its type, its age
};

}  // namespace troupe::artifacts
