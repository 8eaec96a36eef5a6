#pragma once

#include "persistence/artifacts/artifact_store.hpp"
#include "persistence/artifacts/reference_slice.hpp"

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

namespace troupe::artifacts {

/// Nothing younger is ever collected. A submission touches the artifacts that it names, and so long after that it is acknowledged
/// or refused; a stage's outputs are reported by then.
inline constexpr duration age_least = 30s;

struct collector_options {
  duration grace = 24h;          ///< what nobody refers to goes when it was not put or touched for so long; >= `age_least`
  duration grace_least = 10min;  ///< the same while the disk is short of room; >= `age_least`
  bytes room = 0_MiB;            ///< free bytes below which the disk is short of room
  std::size_t references_most = 1'000'000;  ///< held in memory, 8 bytes each
  std::size_t removals_most = 10'000;       ///< in one round
};

/// Artifacts that `round::on_lasting` gets at most: some share a connection to another node, and none waits long for the others.
inline constexpr std::size_t lasting_at_a_time = 16;

/// What the rounds saw and did.
struct collector_figures {
  std::uint64_t artifacts = 0;  ///< in the store, as of the last whole pass
  bytes size;                   ///< theirs
  std::uint64_t collected = 0;  ///< since the start
  bytes freed;
  std::uint64_t passes = 0;  ///< over the whole store
};

/// Decides which artifacts of one store go, and removes them, in rounds. A round looks at a part of all digests; several make a
/// pass. One thread; `figures` for any.
class collector {
 public:
  /// @param free_space  of the store's disk
  collector(store& of, const collector_options& options, std::function<bytes()> free_space)
      : store_(of), options_(options), free_space_(std::move(free_space)) {}

  /// Adds every reference to the slice. An error ends the round without a removal.
  using gatherer = std::function<result<void>(reference_slice&)>;
  struct round {
    timestamp as_of;  ///< the store's time; all that was acknowledged by then is gathered
    gatherer gather = {};
    bool may_remove = false;  ///< else it only looks
    /// Called for those that are to have copies, some at a time, in the order of their digests. False ends the round before
    /// these, and the next round of the pass goes on with them.
    std::function<bool(std::span<const digest>)> on_lasting = {};
  };
  /// @returns whether a pass over the whole store ended with this round.
  [[nodiscard]] result<bool> run(const round& how);
  /// The next round begins a new pass.
  void begin_anew();
  [[nodiscard]] bool is_short_of_room() const { return free_space_() < options_.room; }
  [[nodiscard]] collector_figures figures() const;

 private:
  /// Unreferenced and old enough; at most `removals_most`, the oldest ones, in front the oldest.
  [[nodiscard]] result<std::vector<stored_artifact>> candidates(const reference_slice& known, timestamp as_of);
  [[nodiscard]] result<void> remove(const std::vector<stored_artifact>& oldest_first, timestamp as_of);
  /// @returns false if the round was ended.
  [[nodiscard]] result<bool> visit_lasting(const reference_slice& known, const round& how);
  void end_part(const reference_slice& known);

  store& store_;
  collector_options options_;
  std::function<bytes()> free_space_;
  std::uint64_t next_first_ = 0;
  std::optional<digest> visited_to_;                   ///< in this pass
  std::uint64_t pass_artifacts_ = 0, pass_bytes_ = 0;  ///< so far in this pass
  mutable std::mutex mutex_;
  collector_figures figures_;
};

}  // namespace troupe::artifacts
