#pragma once

#include "actors/actors.hpp"
#include "actors/job_ends.hpp"
#include "http/http.hpp"
#include "http/peer_links.hpp"
#include "model/device.hpp"
#include "model/memory_ledger.hpp"
#include "persistence/journal/journal.hpp"

#include <caf/fwd.hpp>

#include <atomic>
#include <functional>
#include <string>
#include <vector>

namespace troupe::cli {

/// Where the figures come from. Each must be callable on any thread.
struct metrics_sources {
  const journal::journal& log;
  caf::actor_system& system;
  const actors::handles& handles;
  const actors::job_ends& ends;
  const http::peer_links& links;
  std::function<http::artifact_figures()> stored;
  std::function<bytes()> free_space;  ///< of the data directory's disk; the largest number: it does not say
  const std::atomic<bool>& is_disk_full;
  bytes keep_free;  ///< disk.keep_free
  std::function<model::memory_ledger::figures()> memory;
  std::function<std::vector<model::device_view>()> devices = {};
};

/// Journal, artifacts, ends of jobs, queue, slots, devices and alarms as Prometheus text. Asks the node actor; without an answer
/// within a second what only the actors know is left out. The number of series does not grow with jobs.
[[nodiscard]] std::string node_metrics(const metrics_sources& from);

}  // namespace troupe::cli
