#pragma once

#include "model/pipeline.hpp"

#include <map>
#include <memory>
#include <string>

namespace troupe::model {

/// The pipelines that the operator installed, by name. Built at start, immutable afterwards, read by any thread.
using pipeline_registry = std::map<std::string, std::shared_ptr<const pipeline>, std::less<>>;

}  // namespace troupe::model
