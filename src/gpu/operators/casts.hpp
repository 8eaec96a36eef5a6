#pragma once

#include "gpu/tensor.hpp"

namespace troupe::gpu::detail {

/// The same numbers as elements of another type, see `convert`. Shares the elements if the type is the same.
[[nodiscard]] tensor cast(const tensor& x, dtype to);

}  // namespace troupe::gpu::detail
