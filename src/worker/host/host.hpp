#pragma once

#include "base/units.hpp"
#include "model/ports/artifacts.hpp"
#include "model/ports/slot_host.hpp"

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::worker {

class memory_desk;
class peak_book;
struct device_place;

/// How a worker's processes are kept together.
enum class isolation : std::uint8_t {
  automatic,      ///< the first of the two below that this machine allows
  pid_namespace,  ///< the kernel ends them all when the first one ends; with a user namespace where the node is not root
  process_group   ///< a subreaper finds the orphans; for containers that forbid namespaces
};

struct host_options {
  std::filesystem::path program;       ///< `troupe-worker`, absolute
  std::filesystem::path scratch_root;  ///< owned by this node alone: what lies in it at the start is removed
  isolation keep_together = isolation::automatic;
  int niceness = 10;                      ///< 0 to 19, added to the node's: what serves all goes before what works for one job
  std::uint32_t recycle_after = 1000;     ///< tasks, then the worker is replaced.
  bytes growth_most = 4_GiB;              ///< resident memory over that after the first task; then the worker is replaced
  bytes output_most = 64_GiB;             ///< all files of one attempt, its outputs too; looked at once a second
  bytes keep_free = bytes{0};             ///< an attempt ends when less is free on the disk of its scratch directory
  bytes file_most = 64_GiB;               ///< one file that a worker writes (RLIMIT_FSIZE)
  std::shared_ptr<peak_book> peaks;       ///< what networks took; null: nobody remembers
  std::string networks_on = "processor";  ///< what runs networks, for what is remembered of them
  std::shared_ptr<memory_desk> memory;    ///< that the slots share; null: as much as anybody claims
  std::map<std::uint16_t, std::shared_ptr<const device_place>> on_devices;  ///< slots that do not run on the processors
  std::optional<bytes> memory_most;  ///< address space of each process (RLIMIT_AS); programs with CUDA need it unset
  std::uint32_t open_files_most = 4096;
  std::size_t stderr_head = 8192, stderr_tail = 8192;  ///< bytes of standard error that are kept of an attempt
  duration hello_within = 30s;
  duration kill_grace = 5s;              ///< for an idle worker to end by itself when it is stopped
  std::vector<std::string> environment;  ///< "NAME=value" for the worker and its programs, added to PATH, HOME, LANG of the node
};

/// Makes the host of a node's slots: removes what an earlier run left behind (processes and scratch directories) and finds out
/// which isolation this machine allows.
/// @param store  must outlive the host.
/// @returns `errc::bad_request` for a program that is not there, `errc::io_failed` for a scratch root that cannot be used.
[[nodiscard]] result<std::unique_ptr<model::ports::slot_host>> make_slot_host(host_options options,
                                                                              model::ports::artifact_store& store);

}  // namespace troupe::worker
