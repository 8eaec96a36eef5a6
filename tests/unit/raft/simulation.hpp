#pragma once

#include "persistence/raft/raft.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <queue>
#include <random>
#include <string>
#include <vector>

namespace troupe::raft::testing {

/// What happened in a run, to see that it was worth running.
struct simulation_counts {
  std::uint64_t steps = 0;
  std::uint64_t elections = 0;
  std::uint64_t committed = 0;
  std::uint64_t crashes = 0;
  std::uint64_t writes_lost = 0;
  std::uint64_t truncations = 0;
  std::uint64_t releases = 0;
  std::uint64_t reads = 0;      ///< with an index
  std::uint64_t handovers = 0;  ///< after which the one that was named led
  std::uint64_t changes = 0;    ///< of the members, proposed
  std::uint64_t installs = 0;
};

/// A group of replicas in one thread and virtual time, with disks and links that fail, all drawn from one seed. Every step is
/// held against the promises of Raft figure 3 and the machine's own contract. A run stops at the first broken one.
class simulation {
 public:
  explicit simulation(std::uint64_t seed);

  /// Trouble for `chaos`, then a healed world, in which a new command must reach every replica within 20 s.
  /// @returns what went wrong, or nothing.
  [[nodiscard]] std::optional<std::string> run(duration chaos);
  [[nodiscard]] const simulation_counts& counts() const noexcept { return counts_; }

 private:
  struct disk_write {
    std::uint64_t no = 0;
    std::optional<hard_state> hard;
    std::optional<log_index> truncate_from;
    std::vector<entry> append;
  };
  /// A log after a base; either what is on a disk or what a machine must hold in memory.
  struct stored_log {
    position base;
    std::vector<entry> entries;

    [[nodiscard]] log_index last() const { return advance(base.index, entries.size()); }
    [[nodiscard]] std::optional<term> term_at(log_index index) const;
    void write(const disk_write& what);
    void drop(position upto);
  };
  struct node {
    server_id id;
    std::optional<machine> core;
    hard_state disk_hard;
    stored_log disk;
    configuration disk_members;  ///< where the log on the disk begins
    stored_log memory;
    std::deque<disk_write> unsynced;
    log_index snapshot;
    log_index applied;
    std::uint64_t life = 0;
    term highest;
    timestamp disk_free{};
    timestamp timer_at = timestamp::max();
  };
  enum class happening_kind { deliver, disk_done, timer, fault, client, install };
  struct happening {
    timestamp when;
    std::uint64_t order = 0;
    happening_kind kind = happening_kind::timer;
    std::size_t node = 0;
    std::uint64_t life = 0;
    std::uint64_t no = 0;
    std::optional<message> mail = std::nullopt;
    std::optional<wanted_snapshot> wanted = std::nullopt;
    friend bool operator>(const happening& a, const happening& b) {
      return std::tie(a.when, a.order) > std::tie(b.when, b.order);
    }
  };
  struct agreed {
    term at;
    shared_bytes payload;
    entry_kind kind;
    term seen_in;  ///< the term of the server that showed it first: it was committed in this one or before
  };

  // the world
  [[nodiscard]] std::uint64_t draw(std::uint64_t below) { return random_() % below; }
  [[nodiscard]] bool chance(unsigned percent) { return draw(100) < percent; }
  void schedule(happening what, duration delay);
  void handle(const happening& what);
  void inject_fault();
  void compact_some(node& which);
  void let_client_propose();
  void crash(node& which);
  void start(node& which);
  void heal();
  [[nodiscard]] bool run_until(timestamp end);
  [[nodiscard]] bool is_settled(log_index target) const;
  void ask(node& which);
  void change_somebody(node& leader);
  void install(node& which, const wanted_snapshot& wanted);
  [[nodiscard]] configuration members_at(log_index index) const;
  [[nodiscard]] node* newest_leader();
  [[nodiscard]] std::optional<log_index> propose_to_leader(std::size_t count);

  // one step of a node, and what it asks for
  std::optional<result<assigned>> step(node& which, const event& what);
  void write(node& which, const update& out);
  void mail(const message& what);
  void set_timer(node& which, timestamp wake_at);
  void drop_prefix(node& which, position upto, const configuration& members);

  // promises
  void broken(const std::string& promise);
  void check_term(node& which);
  void check_message(const node& from, const message& what);
  void check_leader(const node& which);
  void check_committed(node& which, const std::vector<entry>& entries);
  void check_reads(const std::vector<read_outcome>& outcomes);
  void check_log_matching();

  std::uint64_t seed_;
  std::mt19937_64 random_;
  options settings_;
  std::vector<node> nodes_;
  std::priority_queue<happening, std::vector<happening>, std::greater<>> agenda_;
  std::uint64_t order_ = 0;
  timestamp now_{};
  bool is_healed_ = false;
  bool has_changes_ = false;
  configuration first_members_;
  unsigned loss_percent_ = 0;
  unsigned double_percent_ = 0;
  duration delay_max_{};
  duration disk_delay_max_{};
  std::vector<std::vector<bool>> cut_;  ///< [from][to]
  std::uint64_t commands_ = 0;

  std::map<term, server_id> leaders_;
  std::vector<agreed> history_;               ///< entry i stands at index i + 1
  std::map<std::uint64_t, log_index> reads_;  ///< what some server had seen committed when the read was asked for
  std::uint64_t asked_ = 0;
  std::optional<std::pair<term, server_id>> handover_;  ///< since which term, to whom
  simulation_counts counts_;
  std::optional<std::string> broken_;
};

}  // namespace troupe::raft::testing
