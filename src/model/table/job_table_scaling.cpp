#include "base/plant.hpp"
#include "model/table/job_table.hpp"

#include <fmt/format.h>

// What whoever decides how many nodes there are keeps for who decides after it. What it says is its own (`scaling/handover.hpp`).
namespace troupe::model {

void job_table::load_scaling() {
  const auto stored = store_.load_value(scaling_name);
  if (!stored) return;
  const auto end = stored->find(' ');
  scaling_term_ = std::stoull(stored->substr(0, end));
  scaling_memory_ = stored->substr(end + 1);
}

void job_table::on(const scaling_command& c, apply_effects& out) {
  if (c.term < scaling_term_ && !planted(plant::scaling_obeys_old_term)) {
    out.reply = result<pause_outcome>{
        error{errc::conflict,
              fmt::format("term {} is over: who leads in term {} decides how many nodes there are", c.term, scaling_term_)}};
    return;
  }
  const bool changes = c.term != scaling_term_ || (c.memory && *c.memory != scaling_memory_);
  if (changes) {
    scaling_term_ = c.term;
    if (c.memory) scaling_memory_ = *c.memory;
    store_.save_value(scaling_name, fmt::format("{} {}", scaling_term_, scaling_memory_));
  }
  out.reply = result<pause_outcome>{pause_outcome{changes}};
}

}  // namespace troupe::model
