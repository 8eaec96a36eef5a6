#pragma once

#include "model/oversight.hpp"
#include "model/table/job_table.hpp"
#include "persistence/replica/placement.hpp"

#include <vector>

// What an operator should know, as `placement` would have it.
namespace troupe::replica {

/// @param now   `next_step` is taken on it until there is none
/// @param node  one of the table's
[[nodiscard]] model::drain_plan plan_drain(placement now, const model::job_table& table, model::node_id node);

/// How well the voters are.
[[nodiscard]] std::vector<model::alarm> voter_alarms(const placement& now);

}  // namespace troupe::replica
