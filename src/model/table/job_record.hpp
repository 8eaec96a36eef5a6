#pragma once

#include "model/job_view.hpp"
#include "model/queue.hpp"
#include "model/retry.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// What the replicated state keeps of a job.
namespace troupe::model {

enum class task_state : std::uint8_t {
  ready,
  running,
  backing_off,
  done,
  cancelled,
  lacks_input  ///< waits for an earlier stage to make a lost input again
};

struct task_record {
  task_state state = task_state::ready;
  attempt_no attempt;  ///< the last one started; 0: none yet
  failure_counts failures;
  std::optional<slot_id> slot;          ///< while running
  std::uint64_t ask = 0;                ///< the slot's ask that this attempt answers, while running
  timestamp since{};                    ///< of the present state
  std::optional<timestamp> not_before;  ///< while backing off
  json::object outputs;                 ///< once done
};

/// The reason of a stage that is ready, as it is stored; the view of a job says more (`job_table::view`).
inline constexpr const char* waits_for_slot = "waits for a free slot";

struct stage_record {
  stage_state state = stage_state::waiting;
  std::vector<task_record> tasks;  ///< one, or one per element of `for_each`; empty while waiting and when skipped
  json::array items;               ///< of `for_each`
  std::optional<timestamp> started, ended;
  std::string reason;
  std::optional<attempt_failure> last_failure;
};

struct job_record {
  job_id id;
  std::string tenant;
  std::optional<std::string> idempotency_key;
  digest request_hash;
  std::string pipeline_name;
  digest pipeline_hash;
  std::uint8_t priority = 5;
  std::vector<std::pair<std::string, std::string>> labels;
  packed_object inputs;
  timestamp created{};
  std::optional<timestamp> started, ended, deadline, keep_until;
  job_state state = job_state::queued;
  std::uint64_t revision = 0;
  std::uint64_t sequence = 0;
  std::vector<stage_record> stages;  ///< as many as the pipeline has
  json::object result;
  std::optional<job_failure> failure;
};

/// What a known idempotency key stands for.
struct key_record {
  job_id job;
  digest request_hash;
};

/// The public picture of a job. `p` is the pipeline of `record.pipeline_hash`.
[[nodiscard]] job_view view_of(const job_record& record, const pipeline& p);
/// For lists: no stages, inputs or result.
[[nodiscard]] job_view summary_of(const job_record& record);
/// The first event of every job.
[[nodiscard]] job_event submitted_event(const job_record& record);
/// The outputs of all stages, as `evaluation_scope::stage_outputs` wants them.
[[nodiscard]] std::vector<json::value> outputs_of(const job_record& record, const pipeline& p);

}  // namespace troupe::model
