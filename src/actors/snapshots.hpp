#pragma once

#include "base/units.hpp"
#include "model/ids.hpp"
#include "model/ports/snapshots.hpp"
#include "persistence/replica/storage.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

// Snapshots of shards on their way between nodes.
namespace troupe::actors {

/// Gives other nodes the snapshots of this node's shards.
class shard_snapshots final : public model::ports::snapshot_source {
 public:
  /// @param from      outlives this and all its streams
  /// @param founders  belong to a group whose state does not say otherwise
  shard_snapshots(replica::storage& from, raft::configuration founders) : from_(from), founders_(std::move(founders)) {}
  [[nodiscard]] result<std::unique_ptr<model::ports::snapshot_stream>> open(std::uint32_t shard) override;

 private:
  replica::storage& from_;
  raft::configuration founders_;
};

/// Fetches snapshots from other nodes.
class snapshot_fetcher {
 public:
  using answer = std::function<void(result<replica::received_image>)>;
  virtual ~snapshot_fetcher() = default;
  /// Returns at once, from any thread. `done` is called once, on a thread of the fetcher, unless it is stopped before; the image
  /// is then beside the disk's own state. A failure is told after a pause, so that whoever asks again at once does no harm.
  virtual void fetch(replica::shard_no shard, const raft::wanted_snapshot& what, answer done) = 0;
};

/// One thread that fetches one snapshot after the other; it waits for other nodes and for the disk.
class snapshot_thread final : public snapshot_fetcher {
 public:
  using taker = std::function<result<void>(std::string_view)>;
  /// Reads the bytes of a shard's snapshot from a node; ends with the first error of the taker. Blocks within limits of its own.
  using reader = std::function<result<void>(model::node_id from, replica::shard_no shard, const taker& take)>;

  /// @param into  outlives the thread
  snapshot_thread(replica::storage& into, reader read, duration pause = 1s);
  ~snapshot_thread() override;  ///< stops
  snapshot_thread(const snapshot_thread&) = delete;
  snapshot_thread& operator=(const snapshot_thread&) = delete;

  void fetch(replica::shard_no shard, const raft::wanted_snapshot& what, answer done) override;
  /// Drops what waits and waits for what runs; whoever owns the reader lets that end soon. Not twice at the same time.
  void stop();

 private:
  struct wish {
    replica::shard_no shard;
    raft::wanted_snapshot what;
    answer done;
  };
  void run();
  [[nodiscard]] result<replica::received_image> carry_out(const wish& wanted);

  replica::storage& into_;
  reader read_;
  duration pause_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<wish> waiting_;  // at most one a shard
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace troupe::actors
