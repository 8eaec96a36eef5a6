#pragma once

#include "model/table/references.hpp"
#include "persistence/replica/storage.hpp"

namespace troupe::replica {

/// Visits every artifact that a job or a pipeline of the image refers to, one after the other; nothing of it is kept in memory.
/// The image is of no further use.
[[nodiscard]] result<void> each_artifact(state_image& image,
                                         const std::function<void(const digest&, model::artifact_use)>& visit);

}  // namespace troupe::replica
