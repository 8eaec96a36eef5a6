#pragma once

#include "base/error.hpp"
#include "model/artifact.hpp"

#include <filesystem>
#include <memory>
#include <string_view>

namespace troupe::model::ports {

/// An upload in progress. Destroyed without `commit`, it leaves nothing behind.
class artifact_writer {
 public:
  virtual ~artifact_writer() = default;
  /// Blocking. @returns `errc::too_large`, `errc::no_space` or `errc::io_failed`; after an error only destruction is allowed.
  virtual result<void> write(std::string_view data) = 0;
  /// Makes the artifact durable (file and directory entry are synced) and visible. Blocking.
  virtual result<artifact_ref> commit(std::string_view media_type) = 0;
};

struct touched_artifact {
  artifact_ref about;
  duration untouched_for{};  ///< since it was put or touched the last time
};

/// The content store of one node. All members may be called from any thread; all may block on the disk.
class artifact_store {
 public:
  virtual ~artifact_store() = default;
  virtual result<std::unique_ptr<artifact_writer>> begin() = 0;
  /// Takes a file over (moves it where it can) and makes it durable. `path` is gone afterwards, whether it worked or not.
  virtual result<artifact_ref> ingest(const std::filesystem::path& path, std::string_view media_type) = 0;
  /// Size and media type (as given at commit). @returns `errc::not_found` for an unknown artifact.
  virtual result<artifact_ref> stat(const digest& hash) const = 0;
  /// As `stat`, and from now on the artifact is as young as one that was just put: what nobody refers to is removed by its age.
  virtual result<touched_artifact> touch(const digest& hash) = 0;
  /// The immutable file, mode 0444. @returns `errc::not_found`.
  virtual result<std::filesystem::path> path_of(const digest& hash) const = 0;
};

}  // namespace troupe::model::ports
