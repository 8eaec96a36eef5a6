#pragma once

#include "persistence/backup/inventory.hpp"
#include "persistence/journal/data_directory.hpp"
#include "persistence/journal/journal.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::backup {

/// What a stopped node has of one shard's group.
struct remains {
  raft::configuration members;      ///< as its log has them; the newest change may not have been committed
  replica::log_position committed;  ///< applied here, so committed; the group may have committed more
  replica::log_position last;       ///< the end of its log; what lies between was perhaps committed
  timestamp last_time{};            ///< log time of the last command that it has
};

/// What a stopped node has of its cluster.
struct survivor {
  model::node_id node;
  model::incarnation boot;
  std::uint64_t cluster = 0;
  std::vector<remains> shards;  ///< by their numbers; never empty
  job_counts jobs;              ///< of all shards, as of `committed`
};

/// A node whose group has lost its majority for good. Holds the data directory of the stopped node.
class recovery {
 public:
  /// Changes nothing but what a start repairs.
  /// @returns what `data_directory::inspect` and the journal answer, `errc::conflict` for a node that has nothing to go on with
  [[nodiscard]] static result<recovery> open(const std::filesystem::path& data);
  [[nodiscard]] const survivor& found() const noexcept { return found_; }
  /// Makes the node the only voter of its groups, under a new cluster id: none of the others is let in any more with what it has.
  /// Everything in its log counts as committed from now on. Durable on return; cut off in the middle, it can be done again.
  [[nodiscard]] result<void> go_on_alone(std::uint64_t fresh_cluster);

 private:
  recovery(journal::data_directory home, std::unique_ptr<journal::journal> log) : home_(std::move(home)), log_(std::move(log)) {}
  result<void> read(replica::shard_no shard, const replica::recovered_shard& past);
  [[nodiscard]] result<replica::persist_batch> take_over(std::uint32_t shard) const;

  journal::data_directory home_;
  std::unique_ptr<journal::journal> log_;
  survivor found_;
  std::vector<raft::term> terms_;
};

}  // namespace troupe::backup
