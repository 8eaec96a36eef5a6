#pragma once

#include "base/error.hpp"
#include "worker/host/host.hpp"
#include "worker/protocol/descriptor.hpp"

namespace troupe::worker {

/// Which namespaces a worker gets. `user_and_pid` is for a node that is not root.
enum class namespaces : std::uint8_t { none, pid, user_and_pid };

struct spawn_request {
  std::filesystem::path program;
  std::filesystem::path directory;
  std::vector<std::string> environment;
  namespaces spaces = namespaces::none;
  bytes file_most = 64_GiB;
  std::optional<bytes> memory_most;
  std::uint32_t open_files_most = 4096;
  int niceness = 0;  ///< added to that of this process
};

struct spawned {
  int pid = -1;
  descriptor process;  ///< pidfd
  descriptor channel;  ///< the node's end of the socket, non-blocking
  descriptor log;      ///< what it writes to standard output and standard error, non-blocking
  descriptor status;   ///< see `status_pipe_fd`, non-blocking
};

/// Starts a worker program. The process is killed when the calling *thread* ends.
[[nodiscard]] result<spawned> spawn_worker(const spawn_request& request);

/// The most that this machine allows, found by trying.
[[nodiscard]] namespaces allowed_namespaces();

}  // namespace troupe::worker
