#pragma once

#include <optional>

#include "gpu/operators/families.hpp"

/// Which elements of a tensor are seen together.
namespace troupe::gpu::detail {

/// Those of Softmax, LogSoftmax and Hardmax: `length` of them, `step` apart. Before opset 13 a tensor was seen as a matrix: the
/// axes before the one that is named, and all others.
struct together {
  std::int64_t length = 1;
  std::int64_t step = 1;
};
[[nodiscard]] result<together> together_of(const node& of, const dims& x);

/// Those of Reduce...: one mark for each axis; nothing if the axes are not known yet.
using reduced_axes = std::optional<std::vector<bool>>;
[[nodiscard]] result<reduced_axes> reduced_axes_of(const node& of, known_inputs inputs);

}  // namespace troupe::gpu::detail
