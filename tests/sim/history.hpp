#pragma once

#include "base/digest.hpp"
#include "base/units.hpp"
#include "model/job_view.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace troupe::sim {

class world;

/// What a client asked for about one job, and what it was told.
struct operation {
  enum class kind : std::uint8_t { submit, cancel, read };
  enum class outcome : std::uint8_t { unknown, done, conflict, not_found };
  kind what = kind::submit;
  model::job_id job;  ///< drawn for it, or asked about
  digest body;        ///< of a submission
  timestamp called{};
  timestamp returned = timestamp::max();  ///< what got no answer may take effect at any time
  outcome told = outcome::unknown;
  model::job_id named;  ///< the job that answers a submission
  bool is_new = false;
  model::job_state state = model::job_state::queued;  ///< as read
  std::uint64_t revision = 0;
};

/// All that clients did, by idempotency key: each key must behave as one job that somebody works on in secret.
///
/// Wing and Gong's search with the memory of Lowe: is there an order of the operations that keeps who was answered before
/// somebody else asked, and in which a single job would have given the same answers?
class history {
 public:
  using number = std::size_t;
  number begins(const std::string& key, operation what);
  operation& at(number which) { return all_[which]; }
  /// @throws violation if a key has no such order
  void check(world& of) const;

 private:
  std::deque<operation> all_;
  std::map<std::string, std::vector<number>> by_key_;
};

}  // namespace troupe::sim
