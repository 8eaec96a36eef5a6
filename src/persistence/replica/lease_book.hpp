#pragma once

#include "base/units.hpp"
#include "model/ids.hpp"
#include "model/slot.hpp"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace troupe::replica {

/// Until when the leader takes running attempts for alive. What is due next is found without a look at the others.
class lease_book {
 public:
  /// A new lease, or a sign of life.
  void hold(const model::task_id& task, model::attempt_no attempt, timestamp until);
  /// The process of its node has ended, as far as is known: no later than that, unless it is heard of again.
  void end_soon(const model::task_id& task, timestamp at);
  /// The attempt does not run any more.
  void drop(const model::task_id& task, model::attempt_no attempt);
  /// Its loss could not be proposed: it is due again.
  void take_back(const model::task_id& task);
  void clear();
  [[nodiscard]] std::size_t size() const noexcept { return leases_.size(); }

  struct lost {
    model::attempt_ref what;
    bool is_node_gone = false;
  };
  /// Whether a report of the attempt is on its way into the log: its lease does not matter then.
  using report_check = std::function<bool(const model::attempt_ref&)>;
  /// Those that have ended by now, each once, by task.
  [[nodiscard]] std::vector<lost> take_ended(timestamp now, const report_check& is_reported);
  [[nodiscard]] std::optional<timestamp> next_end(const report_check& is_reported) const;

 private:
  struct lease {
    model::attempt_no attempt;
    timestamp ends;
    bool is_taken = false;      ///< its loss is on its way into the log
    bool is_node_gone = false;  ///< its process has ended, as far as is known
  };
  std::map<model::task_id, lease> leases_;
  std::set<std::pair<timestamp, model::task_id>> ends_;  // of those that are not taken
};

}  // namespace troupe::replica
