#pragma once

#include "model/ports/slot_host.hpp"
#include "worker/protocol/protocol.hpp"

#include <filesystem>

// Values of the model as messages to a worker, and back.
namespace troupe::worker {

/// The task as it goes to a worker, without its input files.
[[nodiscard]] proto::run_task to_wire(const model::task_spec& task, const std::filesystem::path& scratch);
[[nodiscard]] model::attempt_progress from_wire(const proto::progress& report);
/// Texts are cut to what the model allows and made valid UTF-8.
[[nodiscard]] model::attempt_failure from_wire(const proto::failure& why);

/// A failure with a detail within the model's bound.
[[nodiscard]] model::attempt_failure make_failure(model::failure_cause cause, std::string_view detail);

}  // namespace troupe::worker
