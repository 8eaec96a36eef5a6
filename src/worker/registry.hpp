#pragma once

#include "worker/stage_runner.hpp"

#include <map>
#include <memory>
#include <string>

namespace troupe::worker {

using runner_table = std::map<std::string, std::unique_ptr<stage_runner>, std::less<>>;

/// What this program can run.
struct runners {
  runner_table table;  ///< all stage kinds, by their name in pipelines
  std::shared_ptr<warm_memory> warm;
};
[[nodiscard]] runners make_runners();

}  // namespace troupe::worker
