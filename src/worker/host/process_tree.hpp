#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

// What Linux says about running processes in /proc.
namespace troupe::worker {

/// The variable that every process of a worker has in its environment: the worker's directory below the scratch root.
inline constexpr std::string_view scope_variable = "TROUPE_SCOPE=";

/// The resident memory of a process and all its descendants, in bytes; shared pages count for each.
[[nodiscard]] std::uint64_t resident_bytes(int pid);

/// The processes whose scope starts with `scope`.
[[nodiscard]] std::vector<int> processes_in_scope(std::string_view scope);

/// Kills them, and those they start meanwhile. @returns false if some are still there after 5 seconds.
[[nodiscard]] bool kill_scope(std::string_view scope);

}  // namespace troupe::worker
