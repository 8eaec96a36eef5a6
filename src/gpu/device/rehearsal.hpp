#pragma once

#include "gpu/device/machine.hpp"
#include "gpu/device/pool.hpp"

namespace troupe::gpu::device {

/// How a rehearsal differs from one device to another.
struct rehearsal_options {
  /// Refuses this share of the convolutions that it is asked for, as libraries do, in percent: what follows a refusal is tried.
  int refuses = 0;
  std::uint64_t seed = 1;
};

/// A device that is none: the same plans and the same index arithmetic on the processor, one thread, slow. It makes what a real
/// device does wrong apart from what the plan does wrong.
[[nodiscard]] std::unique_ptr<machine> make_rehearsal(std::shared_ptr<pool> memory, const rehearsal_options& options);

}  // namespace troupe::gpu::device
