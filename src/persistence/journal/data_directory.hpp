#pragma once

#include "base/error.hpp"
#include "model/ids.hpp"
#include "persistence/disk/disk.hpp"

#include <filesystem>

namespace troupe::journal {

/// The directory of one node: `identity`, `lock`, `journal/`, `artifacts/`, `scratch/`. Held by one process at a time, for the
/// life of this object.
class data_directory {
 public:
  /// Makes the directory if it is missing, locks it, and counts this start: the new incarnation is durable on return.
  /// @param fresh_node  random; becomes the node's id if the directory is new. Not 0.
  /// @returns `errc::conflict` if another process holds the directory or a newer version wrote it, `errc::corrupt` if the
  ///          identity is damaged, or missing beside a journal: such a node must come back as a new one.
  [[nodiscard]] static result<data_directory> open(const std::filesystem::path& root, model::node_id fresh_node);

  [[nodiscard]] model::node_id node() const noexcept { return node_; }
  [[nodiscard]] model::incarnation boot() const noexcept { return boot_; }
  [[nodiscard]] const std::filesystem::path& root() const noexcept { return root_; }
  [[nodiscard]] std::filesystem::path journal() const { return root_ / "journal"; }
  [[nodiscard]] std::filesystem::path artifacts() const { return root_ / "artifacts"; }
  [[nodiscard]] std::filesystem::path scratch() const { return root_ / "scratch"; }

 private:
  data_directory(std::filesystem::path root, disk::file lock) : root_(std::move(root)), lock_(std::move(lock)) {}
  result<void> count_this_start(model::node_id fresh_node);

  std::filesystem::path root_;
  disk::file lock_;
  model::node_id node_;
  model::incarnation boot_;
};

}  // namespace troupe::journal
