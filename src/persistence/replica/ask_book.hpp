#pragma once

#include "model/slot.hpp"
#include "model/table/job_table.hpp"
#include "persistence/replica/affinity.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace troupe::replica {

/// Which of the nodes with a free slot that fits comes first.
enum class spreading : std::uint8_t {
  even,    ///< the one that is used the least in relation to its slots
  packed,  ///< the one that is used the most: others come free, and can go
};

/// The leader's book of what slots ask for. Nodes stand in the order in which they get tasks, apart by the kinds of their offers,
/// so that one is found in a time that grows with the logarithm of their number, and with how many kinds there are.
///
/// A node's use is what runs there, and what is on its way into the log, in relation to that and its open asks: a slot that
/// cannot work does not ask, and does not count. A node of four slots cannot be used to six tenths; so that it is in the mean,
/// between nothing and one task is added to what runs, the more the more its slots were used lately than those of other nodes
/// with its labels. Otherwise that is a half (Webster's rule).
class ask_book {
 public:
  explicit ask_book(spreading rule) : rule_(rule) {}

  /// A slot asks, or asks again, or takes its ask back.
  void park(const model::slot_ask& ask, const model::job_table& table, timestamp now);
  /// What runs on the node has changed, or whether it may get anything.
  void look_at(model::node_id node, const model::job_table& table);
  /// The slot's asks up to this one have been answered.
  void close(const model::slot_id& slot, std::uint64_t upto);
  /// This ask is not on its way into the log any more: it is applied, or never will be.
  void settle(const model::slot_id& slot, std::uint64_t ask);
  /// Slots of the node's starts up to this one are gone.
  /// @param all  also those whose asks are on their way into the log
  void forget(model::node_id node, model::incarnation upto, bool all);
  /// A slot that was not heard for so long is gone.
  void forget_silent(timestamp now, duration silence);
  void clear() { *this = ask_book{rule_}; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// Whether the report after which a slot asks is in the log, or no longer needed.
  using report_check = std::function<bool(const model::attempt_ref&)>;
  /// What is to be proposed now, for as many tasks as wait: first what is at home on a node with a free slot, then the rest.
  /// These asks are on their way into the log from here on.
  /// @param home  null: the log may not name tasks yet
  [[nodiscard]] std::vector<model::assign_command> choose(const model::task_queue& queue, timestamp now, affinity* home,
                                                          const report_check& has_reported);

 private:
  /// The newest ask of a slot. Once served it stays, closed, so that late doubles of older ones are known as such.
  struct parked_ask {
    std::uint64_t ask = 0;
    model::slot_offer offer;
    std::size_t kind = 0;
    bool is_open = false;
    bool is_proposed = false;
    bool waits_for_report = false;
    timestamp heard{};
    std::optional<model::attempt_ref> after = {};
    std::optional<model::task_id> named = {};  ///< the task that it was told to get, while that is on its way
    [[nodiscard]] bool is_free() const noexcept { return is_open && !is_proposed && !waits_for_report; }
  };
  using slots = std::set<model::slot_id>;
  struct node_asks {
    std::map<model::slot_id, parked_ask> asks;
    std::map<std::size_t, slots> free;  ///< by kind; no empty ones
    std::size_t free_count = 0, proposed = 0, running = 0;
    bool is_active = true;
    std::size_t pool = 0;
    double ahead_ms = 0;    ///< slot time that it was used more than its even share, within bounds
    double level_seen = 0;  ///< of its pool, when this was counted
    timestamp counted{};
    std::uint64_t rank = 0;
    [[nodiscard]] std::size_t used() const noexcept { return running + proposed; }
    [[nodiscard]] std::size_t capacity() const noexcept { return used() + free_count; }
  };
  /// Nodes with the same labels.
  struct node_pool {
    std::size_t used = 0, capacity = 0;
    double level_ms = 0;  ///< slot time that a slot was used in the mean, since the beginning
    timestamp counted{};
  };
  using nodes = std::map<model::node_id, node_asks>;
  /// Offers that differ little, if at all.
  struct offer_kind {
    std::vector<std::string> labels;
    std::uint32_t threads = 1;
    std::uint64_t memory_bits = 0;
    model::slot_kind wants = model::slot_kind::any;
    friend auto operator<=>(const offer_kind&, const offer_kind&) = default;
  };
  using places = std::set<std::pair<std::uint64_t, model::node_id>>;  // nodes with a free slot, by rank: the first one is next
  /// One call of `choose`.
  struct turn {
    const model::task_queue& queue;
    timestamp now;
    const report_check& has_reported;
    std::vector<std::optional<bytes>> least;  ///< by kind: the least memory that a task needs there; nothing: none is for it
    std::vector<model::assign_command> chosen;
    [[nodiscard]] bool is_over(std::size_t under_way) const { return under_way >= queue.size(); }
  };

  [[nodiscard]] std::size_t kind_of(const model::slot_ask& ask);
  [[nodiscard]] std::uint64_t rank_of(const node_asks& of) const;
  [[nodiscard]] std::size_t pool_of(const model::slot_offer& offer);
  void count_time(node_asks& of);
  void leave_places(nodes::iterator node);
  void take_places(nodes::iterator node);
  void count_in(node_asks& of, const model::slot_id& slot, const parked_ask& parked);
  void count_out(node_asks& of, const model::slot_id& slot, const parked_ask& parked);
  void put(nodes::iterator node, const model::slot_id& slot, parked_ask changed);
  void erase(nodes::iterator node, const model::slot_id& slot);
  void release_reported(const report_check& has_reported);
  [[nodiscard]] nodes::iterator first_of(std::size_t kind, const turn& now);
  [[nodiscard]] std::optional<model::slot_id> free_slot(nodes::iterator node, std::size_t kind, const turn& now);
  void choose_homes(turn& now, affinity& home);
  void choose_rest(turn& now, bool may_name);
  [[nodiscard]] bool are_alike() const;
  [[nodiscard]] std::optional<model::task_id> best_left(std::size_t kind, const model::slot_offer& offer, const turn& now) const;
  void propose(turn& now, nodes::iterator node, const model::slot_id& slot, std::optional<model::task_id> preferred);

  spreading rule_;
  nodes nodes_;  // those with asks
  std::map<offer_kind, std::size_t> kinds_;
  std::vector<places> places_;                                    // by kind
  std::vector<model::slot_kind> wants_;                           // by kind
  std::map<std::vector<std::string>, std::size_t> pool_numbers_;  // by labels
  std::vector<node_pool> pools_;
  slots waiting_for_reports_;
  std::set<model::task_id> named_;                          // by asks on their way into the log
  std::deque<std::pair<timestamp, model::slot_id>> heard_;  // each time that a slot was heard, in order
  timestamp now_{}, silent_since_{};
  std::size_t size_ = 0, under_way_ = 0;
};

}  // namespace troupe::replica
