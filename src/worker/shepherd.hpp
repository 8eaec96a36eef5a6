#pragma once

#include <functional>

namespace troupe::worker {

/// Runs `work` in a child process and outlives it: the calling process becomes the parent of every orphan, reaps them all, and
/// when the child ends, kills what is left of its tree, writes the child's wait status to `status_fd` and returns. SIGTERM kills
/// the tree. As the first process of a PID namespace it needs to do no more than return: its end kills all others. Call it before
/// any thread is started.
/// @returns the exit code for this process.
[[nodiscard]] int shepherd(int status_fd, const std::function<int()>& work);

/// Kills and reaps all children of the calling process but `spared`, and the orphans that come from them. Needs the calling
/// process to be a subreaper. @returns false if some are still there after 5 seconds.
[[nodiscard]] bool kill_children_except(const std::function<bool(int pid)>& spared);

}  // namespace troupe::worker
