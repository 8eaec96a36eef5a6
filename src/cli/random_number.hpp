#pragma once

#include <cstdint>
#include <random>

namespace troupe::cli {

/// For ids that nobody else may draw; 0 is never issued.
[[nodiscard]] inline std::uint64_t random_number() {
  std::random_device source;
  return (std::uint64_t{source()} << 32 | source()) | 1;
}

}  // namespace troupe::cli
