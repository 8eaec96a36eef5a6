#include "base/time_slice.hpp"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace troupe {

namespace {

/// The kernel's struct sched_attr in its first version (sched_setattr(2)): its header is at odds with the C library's.
struct scheduling {
  std::uint32_t size = sizeof(scheduling);
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t niceness = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0;  ///< of the usual policies: how long a slice is, in nanoseconds
  std::uint64_t deadline = 0;
  std::uint64_t period = 0;
};
static_assert(sizeof(scheduling) == 48);
constexpr std::uint64_t keep_policy = 0x08;

}  // namespace

bool ask_for_time_slices(std::chrono::nanoseconds length) noexcept {
  const scheduling wanted{
      .flags = keep_policy, .niceness = ::getpriority(PRIO_PROCESS, 0), .runtime = static_cast<std::uint64_t>(length.count())};
  return ::syscall(SYS_sched_setattr, 0, &wanted, 0) == 0;
}

std::optional<std::chrono::nanoseconds> time_slice() noexcept {
  scheduling found;
  if (::syscall(SYS_sched_getattr, 0, &found, sizeof found, 0) != 0 || found.runtime == 0) return std::nullopt;
  return std::chrono::nanoseconds(found.runtime);
}

}  // namespace troupe
