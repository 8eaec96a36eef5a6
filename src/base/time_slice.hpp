#pragma once

#include <chrono>
#include <optional>

namespace troupe {

/// How long a thread that has calculations to make keeps a processor that others want, too. Each change of threads costs what
/// the caches held; at Linux's few milliseconds that was a twentieth of the work of a video through a network
/// (docs/performance.md). Who has shorter slices, as a node has, gets the processor from such a thread when it wakes up; and who
/// has long ones waits longer for it, so they are not for a thread that answers.
constexpr std::chrono::milliseconds long_time_slice{10};

/// Asks for slices of that length, 0 for the system's own, for this thread, and for all threads and programs that it starts from
/// now on. Linux 6.12 and later do it (sched_setattr(2), sched_runtime of SCHED_OTHER); elsewhere nothing happens.
/// @returns false where it is not allowed; a kernel that knows nothing of it agrees
bool ask_for_time_slices(std::chrono::nanoseconds length) noexcept;

/// Long slices of this thread until the end of a scope; then the system's own. What it started meanwhile keeps them.
class long_time_slices {
 public:
  long_time_slices() noexcept { ask_for_time_slices(long_time_slice); }
  long_time_slices(const long_time_slices&) = delete;
  long_time_slices& operator=(const long_time_slices&) = delete;
  ~long_time_slices() { ask_for_time_slices({}); }
};

/// Of this thread. @returns nothing where the kernel does not say.
[[nodiscard]] std::optional<std::chrono::nanoseconds> time_slice() noexcept;

}  // namespace troupe
