#pragma once

#include "gpu/device/work/group.hpp"

/// How many threads a device starts for a work.
namespace troupe::gpu::device {

struct launch_geometry {
  unsigned blocks = 0;
  unsigned threads = 0;  ///< in a block
};

/// A thread takes the elements i, i + all threads, ... : more blocks than these would only wait for each other.
constexpr std::int64_t blocks_most = 1 << 20;
constexpr unsigned threads_in_block = 256;

[[nodiscard]] constexpr unsigned blocks_for(std::int64_t pieces) {
  return static_cast<unsigned>(pieces < 1 ? 1 : pieces < blocks_most ? pieces : blocks_most);
}

/// For works that go over elements.
[[nodiscard]] constexpr launch_geometry geometry_of(std::int64_t count) {
  return {.blocks = blocks_for((count + threads_in_block - 1) / threads_in_block), .threads = threads_in_block};
}

/// For works that go over groups of so many elements: a thread, or a block, for each.
[[nodiscard]] inline launch_geometry geometry_of_groups(std::int64_t groups, std::int64_t length) {
  const auto team = static_cast<unsigned>(team_size(length));
  if (team == 1) return geometry_of(groups);
  return {.blocks = blocks_for(groups), .threads = team};
}

}  // namespace troupe::gpu::device
