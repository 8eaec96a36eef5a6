#pragma once

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "gpu/tensor.hpp"

namespace troupe::gpu {

/// Values whose type is known only when the network runs, by their ids. They lie in the processor's memory.
using loose_values = std::vector<std::optional<tensor>>;

/// A result that stays: a copy, if the operator gave back the elements of an input, whose memory will be used for others.
[[nodiscard]] inline tensor owned(tensor made, std::span<const tensor> given) {
  const bool is_lent = std::ranges::any_of(given, [&](const tensor& one) { return one.count() > 0 && one.raw() == made.raw(); });
  if (!is_lent) return made;
  tensor copy(made.full_type());
  std::memcpy(copy.raw(), made.raw(), made.bytes());
  return copy;
}

}  // namespace troupe::gpu
