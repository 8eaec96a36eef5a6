#pragma once

#include "worker/stage_runner.hpp"

#include <memory>

namespace troupe::worker {

/// Runs the programs of `exec` stages. What a program is given and what it answers stands in `src/worker/README.md`.
[[nodiscard]] std::unique_ptr<stage_runner> make_exec_runner();

}  // namespace troupe::worker
