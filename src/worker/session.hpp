#pragma once

#include "worker/registry.hpp"

namespace troupe::worker {

/// Serves the node at `fd` until it says stop or goes away. Runs tasks on the calling thread; a second thread reports progress at
/// least twice a second while one runs.
/// @param warm  what the runners keep from task to task; null: nothing
/// @returns the process's exit code: 0 after a stop or a clean end of the stream.
[[nodiscard]] int serve_node(int fd, const runner_table& runners, warm_memory* warm);

}  // namespace troupe::worker
