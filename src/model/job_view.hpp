#pragma once

#include "model/packed_object.hpp"
#include "model/task.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// What the outside sees of a job. Values only; `http/json` turns them into text.
namespace troupe::model {

/// Queued until the first task starts. The last four are final: a job that reached one never leaves it.
enum class job_state : std::uint8_t { queued, running, succeeded, failed, cancelled, dead };
[[nodiscard]] const char* to_string(job_state state) noexcept;
[[nodiscard]] std::optional<job_state> job_state_from(std::string_view text) noexcept;
[[nodiscard]] constexpr bool is_final(job_state state) noexcept { return state >= job_state::succeeded; }

enum class stage_state : std::uint8_t { waiting, ready, running, backing_off, done, skipped, failed, cancelled };
[[nodiscard]] const char* to_string(stage_state state) noexcept;

struct stage_view {
  std::string name;
  stage_kind kind = stage_kind::exec;
  stage_state state = stage_state::waiting;
  std::uint32_t instances = 1, instances_done = 0;
  std::uint32_t attempts = 0;  ///< started so far, over all instances
  attempt_progress progress;   ///< of the running attempt(s), averaged; 1000 when done
  std::optional<timestamp> started, ended;
  std::string reason;  ///< why it waits, backs off or was skipped; "" while it runs
  std::optional<attempt_failure> last_failure;
  json::value outputs;  ///< as `evaluation_scope` sees them; null before the result
};

/// Why a job ended badly. `stage` is empty when it was no stage's fault (deadline).
struct job_failure {
  std::string stage;
  failure_cause cause = failure_cause::failed;
  std::string detail;
};

struct job_view {
  job_id id;
  std::string tenant;
  std::string pipeline;
  digest pipeline_hash;
  job_state state = job_state::queued;
  std::uint64_t revision = 0;  ///< grows with every committed change of the job
  std::uint8_t priority = 5;   ///< 0..9, 9 first
  std::vector<std::pair<std::string, std::string>> labels;
  timestamp created{};
  std::optional<timestamp> started, ended, deadline;
  std::uint32_t permille = 0;  ///< whole job, 0..1000
  std::string paused;          ///< that its queued tasks wait because an operator paused them, since when and what for; or ""
  packed_object inputs;
  std::vector<stage_view> stages;  ///< in pipeline order; empty in lists
  json::object result;             ///< set when succeeded
  std::optional<job_failure> failure;
};

/// A committed step in a job's life. `revision` is its id in event streams: it survives restarts, gaps never occur.
struct job_event {
  job_id job;
  std::uint64_t revision = 0;
  std::string type;  ///< submitted, attempt_started, stage_done, stage_reopened, stage_skipped, attempt_failed, succeeded,
                     ///< failed, cancelled, dead
  timestamp at{};
  json::object data;  ///< stage, instance, attempt, cause, detail, retry_at_ms, outputs, result: what applies
};

/// A sign of life of a running attempt. Not journalled: it has no id, and a reader may miss it.
struct progress_event {
  job_id job;
  std::string stage;
  std::uint16_t instance = 0;
  attempt_no attempt;
  attempt_progress progress;
};

}  // namespace troupe::model
