#pragma once

#include "model/artifact.hpp"
#include "model/ids.hpp"
#include "model/pipeline.hpp"

#include <map>
#include <string>
#include <vector>

namespace troupe::model {

/// Everything that a slot needs to run one attempt. Immutable once granted.
struct task_spec {
  task_id task;
  attempt_no attempt;
  std::string pipeline;  ///< its name, for people
  std::string stage_name;
  stage_kind kind = stage_kind::exec;
  std::optional<exec_spec> exec;
  json::object params;         ///< resolved; artifacts stand as {"artifact": HASH}
  std::vector<digest> inputs;  ///< the artifacts in `params`
  std::uint32_t threads = 1;
  bytes memory{};  ///< as in the stage
  duration timeout = 60s;
  bool must_advance = true;  ///< as in the stage
  std::optional<duration> time_limit;
};

/// Why an attempt ended without a result. Each cause has its own budget (see `retry.hpp`).
enum class failure_cause : std::uint8_t {
  bad_input,         ///< the same input will fail again: no retry
  failed,            ///< the program or model said so
  crashed,           ///< the worker process died by itself
  hung,              ///< no sign of progress for the stage's timeout
  timed_out,         ///< over the stage's time limit
  node_lost,         ///< the slot's node is gone or started anew
  handed_back,       ///< the node is shutting down: no fault, costs nothing
  input_lost,        ///< no node has an input any more: what made it runs again
  input_unreachable  ///< no node that answers has an input, but not all do
};
[[nodiscard]] const char* to_string(failure_cause cause) noexcept;

struct attempt_failure {
  failure_cause cause = failure_cause::failed;
  std::string detail;                ///< for people, at most 4 KiB
  std::string stderr_text;           ///< head and tail of what the attempt wrote to standard error, at most 16 KiB
  std::vector<digest> missing = {};  ///< for `input_lost` and `input_unreachable`
};

struct attempt_result {
  json::object outputs;                 ///< name -> value; artifacts stand as {"artifact": HASH}
  std::vector<artifact_ref> artifacts;  ///< all of them are stored durably before this message is sent
};

struct attempt_progress {
  std::uint32_t permille = 0;  ///< 0..1000, never falls within an attempt
  std::uint64_t frames_done = 0, frames_total = 0;
  std::optional<duration> eta;
  std::string message;
};

}  // namespace troupe::model
