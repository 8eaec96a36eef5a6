#pragma once

#include "actors/actors.hpp"
#include "http/http.hpp"
#include "persistence/journal/journal.hpp"

#include <caf/fwd.hpp>

#include <string>

namespace troupe::cli {

/// Journal, artifacts, queue and slots as Prometheus text. Asks the node actor; without an answer within a second only the
/// figures of journal and artifacts. The number of series does not grow with jobs.
[[nodiscard]] std::string node_metrics(const journal::journal& log, caf::actor_system& system, const actors::handles& handles,
                                       const http::artifact_figures& stored, bool is_disk_full);

}  // namespace troupe::cli
