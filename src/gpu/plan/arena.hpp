#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe::gpu {

/// A piece of memory that is needed for some time of a run.
struct tenancy {
  std::size_t size = 0;  ///< in bytes
  /// The kernels between which it is needed, both included. `first` is SIZE_MAX if none needs it.
  std::size_t first = SIZE_MAX, last = 0;
  std::size_t offset = 0;  ///< in the arena: set by `place`
};

/// Places what is needed at the same time apart. Large ones first, each at the lowest place that is free (as in "Efficient
/// Memory Management for Deep Neural Net Inference", Pisarchyk and Lee, 2020: greedy by size).
/// @param alignment of each, in bytes.
/// @returns the arena's size in bytes.
[[nodiscard]] std::size_t place(std::vector<tenancy>& tenancies, std::size_t alignment);

}  // namespace troupe::gpu
