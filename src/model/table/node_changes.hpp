#pragma once

#include "model/table/commands.hpp"
#include "model/table/table_store.hpp"

#include <optional>

namespace troupe::model {

/// A drain that comes a second time must not undo the resume after it, nor a pause. Each node numbers its requests, so the last
/// one of each that changed nodes is kept, and the last one that changed the queue.
/// @returns the answer to a change that came twice, or after a later one by way of the same node; nothing if it is to be applied.
[[nodiscard]] std::optional<apply_reply> answer_late_change(table_store& store, const stamped_command& entry);

}  // namespace troupe::model
