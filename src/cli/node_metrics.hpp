#pragma once

#include "actors/actors.hpp"
#include "persistence/journal/journal.hpp"

#include <caf/fwd.hpp>

#include <string>

namespace troupe::cli {

/// Journal, queue and slots as Prometheus text. Asks the node actor; without an answer within a second only the journal's
/// figures. The number of series does not grow with jobs.
[[nodiscard]] std::string node_metrics(const journal::journal& log, caf::actor_system& system, const actors::handles& handles);

}  // namespace troupe::cli
