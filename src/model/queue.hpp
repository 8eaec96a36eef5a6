#pragma once

#include "base/units.hpp"
#include "model/ids.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe::model {

/// What a task asks of a slot.
struct requirement {
  std::vector<std::string> labels;  ///< sorted; the slot must have them all
  std::uint32_t threads = 1;
  bytes memory{};
  bool runs_network = false;
  friend auto operator<=>(const requirement&, const requirement&) = default;
};

/// What a slot has.
struct slot_offer {
  std::vector<std::string> labels;  ///< sorted
  std::uint32_t threads = 1;
  bytes memory{};  ///< that the slots of its node share
  [[nodiscard]] bool fits(const requirement& need) const;
};

/// Which of the tasks that fit it a slot is for. A hint: the leader goes by it when it chooses, what the log assigns does not
/// depend on it. So, seldom, a slot gets what it is not for, and any slot can run that.
enum class slot_kind : std::uint8_t {
  any,        ///< of a node without devices
  processor,  ///< of a node whose devices run the networks
  device      ///< networks, and what asks for a device by its label
};
/// What every slot with a device has beside the labels of its node.
inline constexpr const char* device_label = "gpu";
[[nodiscard]] bool is_for(slot_kind kind, const requirement& need);

/// A task that could run now.
struct ready_task {
  task_id task;
  std::string pipeline;  ///< its name: what an operator may pause
  std::string tenant;
  std::uint8_t priority = 5;  ///< 0..9, 9 first
  timestamp created{};        ///< of the job: later stages of old jobs go before first stages of new ones
  timestamp since{};          ///< it waits
  std::optional<timestamp> deadline;
  std::uint64_t sequence = 0;  ///< of the job; breaks ties
};

/// Tasks that a slot could get now, if it fits.
struct waiting_tasks {
  std::uint64_t tasks = 0;
  std::optional<timestamp> oldest = {};  ///< since when the one waits that has waited longest; nothing: none does
};
/// Both together.
[[nodiscard]] waiting_tasks operator+(const waiting_tasks& a, const waiting_tasks& b);

/// The tasks that wait for a slot, in the order in which slots get them:
/// priority, which grows by one step per `ageing` of waiting; then the tenant with the least slot time used; then the nearer of
/// deadline and age; then submission. Every wait is bounded: after `(9 - priority) * ageing` a task competes with the highest
/// priority, and among equals what is older wins unless a deadline is nearer than ten ageing steps after creation. The same calls
/// in the same order give the same picks on every replica: no clock, no hash order.
///
/// Priorities may be late (`set_lateness`): such a task goes when no slot that fits finds one that is less late, however long it
/// has waited. Slots never stay empty for that, or a queue of late tasks alone would never end.
///
/// What is paused waits aside, so that no look for the best task meets it, however much it is. It goes on ageing, and its tenants
/// keep their accounts: after the pause the order is the one that it would have been.
class task_queue {
 public:
  explicit task_queue(duration ageing) : ageing_(ageing) {}
  /// Tasks that wait already are ordered anew: the order depends on the rule and the tasks, not on when they came.
  void set_ageing(duration ageing);
  /// How late each priority goes: what is less late goes first.
  void set_lateness(const std::array<std::uint8_t, 10>& of) noexcept { lateness_ = of; }
  void add(const ready_task& task, const requirement& need);
  /// @returns false if the task was not waiting.
  bool remove(task_id task);
  /// The best task for this slot, still in the queue. Nothing if none fits.
  [[nodiscard]] std::optional<task_id> best_for(const slot_offer& offer, timestamp now) const;
  /// The same of the tasks that such a slot is for, but none of these.
  [[nodiscard]] std::optional<task_id> best_for(const slot_offer& offer, timestamp now, slot_kind kind,
                                                const std::set<task_id>& but) const;
  /// The best task for this slot and those that come next after it among its equals: same tenant, priority and requirement.
  [[nodiscard]] std::vector<task_id> best_few_for(const slot_offer& offer, timestamp now, std::size_t most,
                                                  slot_kind kind = slot_kind::any) const;
  /// Whether the task waits here, is not paused, and the slot can run it.
  [[nodiscard]] bool is_for(task_id task, const slot_offer& offer) const;
  [[nodiscard]] bool has_task_for(const slot_offer& offer, slot_kind kind = slot_kind::any) const;
  /// Of a slot with these labels and threads: the least memory with which there is a task for it; nothing: there is none.
  [[nodiscard]] std::optional<bytes> least_memory_for(const std::vector<std::string>& labels, std::uint32_t threads,
                                                      slot_kind kind = slot_kind::any) const;
  /// Counts slot time to a tenant; fairness goes by the sums.
  void charge(const std::string& tenant, duration slot_time);
  /// A tenant that had nothing waiting starts level with the least served of those who wait: it cannot claim the past.
  /// @returns whether its account changed.
  bool welcome(const std::string& tenant);
  /// Slot time used by a tenant so far, in ms; for storing and restoring.
  [[nodiscard]] std::int64_t used_by(const std::string& tenant) const;
  void restore_used(const std::string& tenant, std::int64_t slot_ms) { used_ms_[tenant] = slot_ms; }
  /// Sets the tasks of a pipeline aside, those that wait and those that come. Takes time with the tasks that wait, once.
  void pause(const std::string& pipeline);
  /// They wait again where they would if they had never been aside.
  void resume(const std::string& pipeline);
  /// Nobody gets anything, whatever else is paused or not.
  void pause_all(bool is_paused) noexcept { is_all_paused_ = is_paused; }
  /// The tasks that a slot could get, if it fits.
  [[nodiscard]] std::size_t size() const noexcept { return places_.size() - paused(); }
  /// Those that wait because of a pause.
  [[nodiscard]] std::size_t paused() const noexcept { return is_all_paused_ ? places_.size() : aside_; }
  /// Those of a priority that a slot could get.
  [[nodiscard]] waiting_tasks waiting_at(std::uint8_t priority) const;
  /// Those of a pipeline that wait, paused or not.
  [[nodiscard]] std::size_t waiting_of(const std::string& pipeline) const;
  [[nodiscard]] bool contains(task_id task) const { return places_.contains(task); }

 private:
  struct position {
    timestamp urgency;
    std::uint64_t sequence;
    task_id task;
    timestamp created;
    friend auto operator<=>(const position&, const position&) = default;
  };
  using tenant_lane = std::map<std::string, std::set<position>>;  // per tenant; no empty sets
  struct requirement_class {
    std::array<tenant_lane, 10> lanes;
    std::size_t size = 0;
  };
  using requirement_classes = std::map<requirement, requirement_class>;  // no empty classes
  struct pipeline_line {
    std::size_t waiting = 0;
    bool is_paused = false;
    requirement_classes aside;  // all its tasks while it is paused
  };
  using pipeline_lines = std::map<std::string, pipeline_line>;  // those with tasks or a pause
  struct place {
    requirement_classes::iterator in;
    pipeline_lines::iterator of;
    std::uint8_t priority;
    std::string tenant;
    position at;
    std::optional<timestamp> deadline;
    timestamp since;
  };

  [[nodiscard]] requirement_classes& where(pipeline_lines::iterator line) {
    return line->second.is_paused ? line->second.aside : classes_;
  }
  void move_tasks(pipeline_lines::iterator line, requirement_classes& from, requirement_classes& to);
  /// A task and those that wait after it among its equals.
  struct choice {
    const std::set<position>* equals = nullptr;
    std::set<position>::const_iterator first;
  };
  [[nodiscard]] std::optional<choice> best_waiting(const slot_offer& offer, timestamp now, slot_kind kind,
                                                   const std::set<task_id>& but) const;
  [[nodiscard]] timestamp urgency_of(timestamp created, const std::optional<timestamp>& deadline) const;

  duration ageing_;
  requirement_classes classes_;  // of what is not set aside
  pipeline_lines lines_;
  std::size_t aside_ = 0;  // tasks of paused pipelines
  bool is_all_paused_ = false;
  std::array<std::uint8_t, 10> lateness_{};
  std::unordered_map<task_id, place> places_;
  std::array<std::set<std::pair<timestamp, task_id>>, 10> by_wait_;  // what is not set aside, by priority
  std::map<std::string, std::int64_t> used_ms_;
  std::map<std::string, std::size_t> waiting_of_;  // tasks per tenant; no zeros
};

}  // namespace troupe::model
