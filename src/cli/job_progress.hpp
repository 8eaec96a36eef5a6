#pragma once

#include "base/units.hpp"
#include "cli/json_text.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// What a watcher knows of a job, from its JSON object and from events. Values and pure functions.
namespace troupe::cli {

struct stage_progress {
  std::string name = {}, state = {};
  std::uint64_t instances = 1, instances_done = 0, attempts = 0, permille = 0;
  std::uint64_t frames_done = 0, frames_total = 0;
  std::optional<duration> eta = {};
  std::string message = {};                      ///< of the running attempt
  std::string reason = {};                       ///< why it waits or was skipped
  std::string failed = {};                       ///< the last failed attempt: "crashed: signal 11"
  std::optional<std::int64_t> retry_at_ms = {};  ///< Unix time of the next try
};

struct job_progress {
  std::string id = {}, pipeline = {}, state = {};
  std::uint64_t revision = 0, permille = 0;
  std::vector<stage_progress> stages = {};
  [[nodiscard]] stage_progress* find(std::string_view stage);
};

/// One event of a job's stream, as read from the node.
struct job_event {
  std::string type = {};
  std::uint64_t revision = 0;  ///< 0: progress, not journalled
  json::object data = {};
};

[[nodiscard]] job_progress progress_of(const json::object& job);
/// Takes an event in. Journalled events that the state already shows (by revision) change nothing.
void apply(job_progress& job, const job_event& event);
/// Whether a job in this state, or an event of this type, is the last of its life.
[[nodiscard]] bool is_final_state(std::string_view state) noexcept;

}  // namespace troupe::cli
