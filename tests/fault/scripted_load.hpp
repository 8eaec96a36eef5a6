#pragma once

#include "persistence/journal/journal.hpp"
#include "support/disk/batches.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace troupe::test {

/// What a shard must look like after some write.
struct shard_image {
  raft::hard_state hard;
  replica::log_position compacted, applied;
  std::vector<raft::entry> entries;
  std::map<std::string, std::string> state;
};

/// A fixed sequence of writes, with all that a replica does: votes, appends of one to four entries, truncations, applied state,
/// compaction, large values; every third write is not synced. State key "step" holds the number of the last applied write.
class scripted_load {
 public:
  explicit scripted_load(std::uint64_t steps);
  /// Write `step` (from 1), and what is there afterwards. Image 0 is the empty shard.
  [[nodiscard]] const replica::persist_batch& batch(std::uint64_t step) const { return batches_.at(step - 1); }
  [[nodiscard]] const shard_image& image(std::uint64_t step) const { return images_.at(step); }
  [[nodiscard]] std::uint64_t steps() const { return batches_.size(); }

 private:
  std::vector<replica::persist_batch> batches_;
  std::vector<shard_image> images_;
};

/// Everything of the first shard, read back.
[[nodiscard]] result<shard_image> read_back(journal::journal& from);
[[nodiscard]] bool same(const shard_image& a, const shard_image& b);
/// The step that `found` is the image of; nothing if it is none.
[[nodiscard]] std::optional<std::uint64_t> step_of(const shard_image& found, const scripted_load& load);

}  // namespace troupe::test
