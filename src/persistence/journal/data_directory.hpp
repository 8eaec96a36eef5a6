#pragma once

#include "base/error.hpp"
#include "model/node_start.hpp"
#include "model/shard_map.hpp"
#include "persistence/disk/disk.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>

namespace troupe::journal {

/// Which cluster a node belongs to, for life.
struct cluster_mark {
  std::uint64_t id = 0;     ///< 0: it was told to join one, and has not reached it yet
  bool is_founder = false;  ///< the cluster's log began here
  std::uint32_t shards = 1;
  friend bool operator==(const cluster_mark&, const cluster_mark&) = default;
};

/// The directory of one node: `identity`, `starts`, `cluster`, `lock`, `journal/`, `artifacts/`, `scratch/`. Held by one process
/// at a time, for the life of this object.
class data_directory {
 public:
  /// Makes the directory if it is missing, locks it, and counts this start: the new incarnation and its mark are durable on
  /// return.
  /// @param fresh_node  random; becomes the node's id if the directory is new. Not 0.
  /// @param mark  random: this start's; 0: none
  /// @returns `errc::conflict` if another process holds the directory or a newer version wrote it, `errc::corrupt` if the
  ///          identity is damaged, or missing beside a journal: such a node must come back as a new one.
  [[nodiscard]] static result<data_directory> open(const std::filesystem::path& root, model::node_id fresh_node,
                                                   std::uint64_t mark = 0);

  /// Makes and locks an empty directory for a node that does not come into being by starting; its first incarnation is 1, and
  /// `open` refuses the directory until `complete`.
  /// @returns `errc::conflict` if there is anything in it
  [[nodiscard]] static result<data_directory> create(const std::filesystem::path& root, model::node_id fresh_node);
  [[nodiscard]] result<void> complete();
  /// Locks the directory of a node that is stopped, and counts no start.
  /// @returns as `open`, and `errc::not_found` if there was never a node in it
  [[nodiscard]] static result<data_directory> inspect(const std::filesystem::path& root);

  [[nodiscard]] model::node_id node() const noexcept { return node_; }
  [[nodiscard]] model::incarnation boot() const noexcept { return start_.boot; }
  /// Of `open`.
  [[nodiscard]] const model::node_start& start() const noexcept { return start_; }
  /// Nothing before the first `enter`, and in a directory of a time before clusters.
  [[nodiscard]] const std::optional<cluster_mark>& cluster() const noexcept { return cluster_; }
  /// Whether a journal was ever begun in it: else all that a start has left is its count, and who the node would have been.
  [[nodiscard]] bool has_journal() const;
  /// Durable on return. Any one thread.
  [[nodiscard]] result<void> enter(const cluster_mark& which);
  /// Its starts so far are no proof any more: for a node that goes on without those who know them. Durable on return.
  [[nodiscard]] result<void> forget_starts() const;
  [[nodiscard]] const std::filesystem::path& root() const noexcept { return root_; }
  [[nodiscard]] std::filesystem::path journal() const { return root_ / "journal"; }
  [[nodiscard]] std::filesystem::path artifacts() const { return root_ / "artifacts"; }
  [[nodiscard]] std::filesystem::path scratch() const { return root_ / "scratch"; }

 private:
  data_directory(std::filesystem::path root, disk::file lock) : root_(std::move(root)), lock_(std::move(lock)) {}
  static result<data_directory> hold(const std::filesystem::path& root);
  result<void> make_parts() const;
  result<bool> read_identity();
  result<void> count_this_start(model::node_id fresh_node, std::uint64_t mark);

  std::filesystem::path root_;
  disk::file lock_;
  model::node_id node_;
  model::node_start start_;
  std::optional<cluster_mark> cluster_;
};

}  // namespace troupe::journal
