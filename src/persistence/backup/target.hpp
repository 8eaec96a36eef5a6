#pragma once

#include "model/ports/artifacts.hpp"
#include "persistence/backup/manifest.hpp"
#include "persistence/disk/disk.hpp"
#include "persistence/replica/image_stream.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace troupe::backup {

/// A directory that becomes a backup, or a newer one of the same cluster. Until `complete` it is what it was before.
class target {
 public:
  /// Makes the directory if it is missing, and removes what an interrupted backup has left.
  /// @returns `errc::conflict` if something else is in it, or another process writes a backup there
  [[nodiscard]] static result<target> open(const std::filesystem::path& directory);

  /// The backup that is there already.
  [[nodiscard]] const std::optional<manifest>& last() const noexcept { return last_; }
  [[nodiscard]] const std::filesystem::path& directory() const noexcept { return directory_; }
  /// A content store for artifacts, made with the first call; lives as long as the target.
  [[nodiscard]] result<model::ports::artifact_store*> artifacts();
  /// Whether an artifact is there with the right bytes. One with wrong bytes is removed.
  [[nodiscard]] result<std::optional<model::artifact_ref>> find_artifact(const digest& hash);
  /// Writes the list of artifacts. @param text  a line each
  [[nodiscard]] result<part> write_list(const std::string& text);
  /// From now on the directory is this backup. Durable on return; what only the last one named is removed.
  [[nodiscard]] result<void> complete(const manifest& what);

 private:
  target(std::filesystem::path directory, disk::file lock) : directory_(std::move(directory)), lock_(std::move(lock)) {}
  result<void> sweep() const;

  std::filesystem::path directory_;
  disk::file lock_;
  std::optional<manifest> last_;
  std::unique_ptr<model::ports::artifact_store> artifacts_;
};

/// Takes the bytes of a state as they come from a node, checks them, and makes them a file of the target.
class state_writer {
 public:
  struct stored {
    part file;
    replica::log_position position;
    inventory content;
  };
  /// @param into  outlives the writer
  [[nodiscard]] static result<std::unique_ptr<state_writer>> begin(const target& into);
  ~state_writer();  ///< what was not finished is removed
  state_writer(const state_writer&) = delete;
  state_writer& operator=(const state_writer&) = delete;

  [[nodiscard]] result<void> take(std::string_view bytes);
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] std::uint64_t keys() const noexcept { return keys_; }
  /// After the last byte. Durable on return. @returns `errc::corrupt` if the state is not whole
  [[nodiscard]] result<stored> finish();

 private:
  state_writer(const target& into, disk::file file);

  std::filesystem::path directory_, temporary_;
  disk::file file_;
  sha256 hash_;
  std::uint64_t size_ = 0;
  std::uint64_t keys_ = 0;
  replica::image_reader reader_;
};

/// A line of the list of artifacts. `size` nothing: no node had it.
struct listed_artifact {
  digest hash;
  std::optional<std::uint64_t> size;
  std::string media_type;
};
[[nodiscard]] std::string to_line(const listed_artifact& one);
/// @returns `errc::corrupt` for any other text
[[nodiscard]] result<std::vector<listed_artifact>> list_from(std::string_view text);

}  // namespace troupe::backup
