#pragma once

#include "persistence/replica/storage.hpp"
#include "sim/random.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace troupe::sim {

/// A disk with a log and a state in it. Writes are atomic and ordered; a crash keeps all that was synced and some first part of
/// the rest. It holds its users to the contract of `replica/storage.hpp` and throws a `violation` when they break it.
class disk final : public replica::state_reader {
 public:
  using batches = std::vector<replica::persist_batch>;

  /// One atomic write; readers see it at once, it is durable after the next `sync`.
  void write(batches group);
  void sync();
  /// Power loss: unsynced writes from some point on are gone.
  /// @returns how many
  std::size_t lose_power(random& dice);

  /// What a start finds; as a journal that opens its files it makes all of that durable. The next batch has the number 1.
  [[nodiscard]] replica::recovered_shard load();
  /// Of the durable content.
  [[nodiscard]] replica::log_position durable_applied() const noexcept { return durable_.applied; }
  /// Every committed entry ever written at this index survives in here, also after compaction; for replaying.
  [[nodiscard]] const std::map<std::uint64_t, raft::entry>& whole_log() const noexcept { return whole_log_; }
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& state() const noexcept { return present_.state; }
  [[nodiscard]] replica::log_position applied() const noexcept { return present_.applied; }
  [[nodiscard]] std::size_t log_size() const noexcept { return present_.log.size(); }

  [[nodiscard]] result<std::optional<std::string>> get(std::string_view key) const override;
  result<void> scan(std::string_view prefix, std::string_view from,
                    const std::function<bool(std::string_view key, std::string_view value)>& visit) const override;

 private:
  struct image {
    raft::hard_state hard;
    replica::log_position compacted, applied;
    std::optional<raft::configuration> members;
    std::deque<raft::entry> log;
    std::map<std::string, std::string, std::less<>> state;
    [[nodiscard]] replica::log_position last() const;
  };
  static void put(image& in, const replica::persist_batch& batch);
  static void check_log(const image& in, const replica::persist_batch& batch);
  static void check_state(const image& in, const replica::persist_batch& batch);

  image durable_, present_;
  std::deque<batches> unsynced_;
  std::uint64_t last_number_ = 0;
  std::map<std::uint64_t, raft::entry> whole_log_;
};

}  // namespace troupe::sim
