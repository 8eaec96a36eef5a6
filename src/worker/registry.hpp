#pragma once

#include "worker/stage_runner.hpp"

#include <map>
#include <memory>
#include <string>

namespace troupe::worker {

using runner_table = std::map<std::string, std::unique_ptr<stage_runner>, std::less<>>;

/// All stage kinds of this program, by their name in pipelines.
[[nodiscard]] runner_table make_runners();

}  // namespace troupe::worker
