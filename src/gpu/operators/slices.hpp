#pragma once

#include <optional>

#include "gpu/operators/families.hpp"

namespace troupe::gpu::detail {

/// What a slice takes of its input.
struct slice_plan {
  dims shape;
  std::int64_t first = 0;  ///< place of its first element
  dims strides;            ///< in elements of the input
};

/// Nothing: starts, ends, axes or steps are not known yet.
[[nodiscard]] result<std::optional<slice_plan>> slice_plan_of(const node& of, known_inputs inputs);

}  // namespace troupe::gpu::detail
