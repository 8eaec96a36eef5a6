#pragma once

#include "actors/actors.hpp"
#include "cli/living_nodes.hpp"
#include "cli/unbroken_answers.hpp"
#include "http/peer_artifacts.hpp"
#include "http/poll_socket.hpp"
#include "model/shard_map.hpp"
#include "persistence/artifacts/collector.hpp"
#include "persistence/disk/ballast.hpp"
#include "persistence/replica/storage.hpp"

#include <caf/fwd.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <span>
#include <thread>

namespace troupe::cli {

struct keeper_options {
  artifacts::collector_options collecting;
  duration repair_after = 5min;  ///< a node that is silent for so long is lost: its copies are made anew elsewhere
  std::string self;              ///< "host:port" where peers reach this node
};

/// Keeps the artifacts of one node in order, on a thread of its own with a low priority: what nobody refers to goes, copies
/// that others should have are made up for, and the disk is looked at.
///
/// What is referred to follows from the applied state, read as it is on the disk. A node that lags, or has no leader, must not
/// remove what newer jobs need: before each round it asks how far everything acknowledged goes, waits for that much of the state,
/// and has had answers to this question for `artifacts::age_least` without a break.
class artifact_keeper {
 public:
  struct parts {
    caf::actor_system& system;
    actors::jobs_actor jobs;
    replica::storage& journal;
    artifacts::store& own;
    http::peer_artifacts& shared;
    disk::ballast& ballast;
    model::shard_map shards;                                     ///< all of which this node has
    std::function<std::vector<living_nodes::sighting>()> peers;  ///< without this node
    std::function<bytes()> free_space;
    const auth::tls_context* tls = nullptr;  ///< as other nodes are spoken to; null: plain
  };

  artifact_keeper(const keeper_options& options, parts with);
  ~artifact_keeper();  ///< as `stop`
  artifact_keeper(const artifact_keeper&) = delete;
  artifact_keeper& operator=(const artifact_keeper&) = delete;
  /// Ends the thread; a copy that is being sent is waited for, unless `shared` was stopped.
  void stop();
  [[nodiscard]] artifacts::collector_figures figures() const { return collector_.figures(); }

 private:
  using steady = std::chrono::steady_clock;

  void run();
  void look_at_disk();
  void look_around();
  [[nodiscard]] bool is_due() const;
  /// By shard. Nothing: nobody leads one of them, or it takes too long.
  [[nodiscard]] std::optional<std::vector<std::uint64_t>> ask_positions();
  [[nodiscard]] result<std::unique_ptr<replica::state_image>> image_at(model::shard_no shard, std::uint64_t position);
  void round();
  void end_of_round(const result<bool>& done);
  /// The places of some artifacts. @returns false when the round must end.
  bool repair(std::span<const digest> some);
  /// @returns false when the keeper is to stop.
  bool pause(std::chrono::nanoseconds time);

  keeper_options options_;
  parts with_;
  artifacts::collector collector_;
  http::stop_signal stopping_;
  unbroken_answers answers_;  ///< to the question where everything acknowledged ends
  living_nodes living_;

  std::vector<std::string> nodes_;  ///< that count, this one included
  steady::time_point round_began_, asked_at_, next_round_, next_early_, next_repair_;
  bool is_repairing_ = false;  ///< in this pass
  bool is_short_ = false;      ///< a place of this pass lacks a copy

  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace troupe::cli
