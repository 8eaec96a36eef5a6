#pragma once

#include "persistence/replica/storage.hpp"
#include "sim/random.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace troupe::sim {

/// A disk with a log and a state in it. Writes are atomic and ordered; a crash keeps all that was synced and some first part of
/// the rest. It holds its users to the contract of `replica/storage.hpp` and throws a `violation` when they break it.
class disk final : public replica::state_reader {
 public:
  using batches = std::vector<replica::persist_batch>;
  using contents = std::map<std::string, std::string, std::less<>>;

  /// One atomic write; readers see it at once, it is durable after the next `sync`. A batch that installs is a group of its own.
  void write(batches group);
  void sync();
  /// Power loss: unsynced writes from some point on are gone.
  /// @returns how many
  std::size_t lose_power(random& dice);
  /// What a crash in the middle of an installation may leave: term and vote, and a shard that belongs to no group.
  void lose_shard();

  /// What a start finds; as a journal that opens its files it makes all of that durable. The next batch has the number 1.
  [[nodiscard]] replica::recovered_shard load();
  /// Of the durable content.
  [[nodiscard]] replica::log_position durable_applied() const noexcept { return durable_.applied; }
  /// This will be written, soon or never. What is committed may be applied before.
  void will_write(const batches& asked);
  /// The entry that was last to be written here; nothing if none ever was, or once it was forgotten.
  [[nodiscard]] const raft::entry* entry_at(std::uint64_t index) const;
  void forget_entries(std::uint64_t upto);
  /// The state up to here came from another replica.
  [[nodiscard]] std::uint64_t installed_upto() const noexcept { return present_.installed_upto; }
  [[nodiscard]] const contents& state() const noexcept { return state_; }
  /// Equal for equal states, whatever way they came about.
  [[nodiscard]] std::uint64_t state_hash() const noexcept { return hash_; }
  [[nodiscard]] replica::log_position applied() const noexcept { return present_.applied; }
  [[nodiscard]] std::size_t log_size() const noexcept { return present_.log.size(); }
  /// Keys and values; payloads.
  [[nodiscard]] std::size_t state_bytes() const;
  [[nodiscard]] std::size_t log_bytes() const;

  /// The state for another replica; null if there is none.
  [[nodiscard]] std::unique_ptr<replica::state_image> read_image() const;
  [[nodiscard]] result<std::unique_ptr<replica::image_sink>> begin_image();

  [[nodiscard]] result<std::optional<std::string>> get(std::string_view key) const override;
  result<void> scan(std::string_view prefix, std::string_view from,
                    const std::function<bool(std::string_view key, std::string_view value)>& visit) const override;

 private:
  /// All of a shard but its state.
  struct shard {
    raft::hard_state hard;
    replica::log_position compacted, applied;
    std::optional<raft::configuration> members;
    std::deque<raft::entry> log;
    std::uint64_t installed_upto = 0;
    [[nodiscard]] replica::log_position last() const;
  };
  /// What an atomic write took the place of.
  struct undo {
    std::vector<std::pair<std::string, std::optional<std::string>>> values;  // in the order of the writes
    std::optional<contents> state;                                           // all of it, before an installation
    std::uint64_t hash = 0;
  };
  struct atomic_write {
    batches group;  // without the state
    undo before;
  };
  class sink;
  static void put(shard& in, const replica::persist_batch& batch);
  void put_state(replica::persist_batch& batch, undo& before);
  void set(const std::string& key, std::optional<std::string> value, undo& before);
  void take_back(undo& before);
  static void check_log(const shard& in, const replica::persist_batch& batch);
  static void check_state(const shard& in, const replica::persist_batch& batch);
  void check_install(const replica::persist_batch& batch) const;

  shard durable_, present_;
  contents state_;  // of the present
  std::uint64_t hash_ = 0;
  std::deque<atomic_write> unsynced_;
  std::uint64_t last_number_ = 0;
  std::map<std::uint64_t, raft::entry> asked_;  // for comparing replicas; survives whatever happens
  std::map<std::string, contents> received_;    // images, by name
  std::uint64_t images_ = 0;
};

}  // namespace troupe::sim
