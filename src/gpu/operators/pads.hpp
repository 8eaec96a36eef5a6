#pragma once

#include <optional>

#include "gpu/operators/families.hpp"

namespace troupe::gpu::detail {

enum class padding { constant, reflect, edge, wrap };

struct pad_plan {
  padding mode = padding::constant;
  dims before;  ///< elements put before each axis; negative: cut off
  dims shape;
};

/// Nothing: the pads or their axes are not known yet.
[[nodiscard]] result<std::optional<pad_plan>> pad_plan_of(const node& of, known_inputs inputs);
/// Where the elements along each axis of the result come from: so many elements into an input with these strides, -1 for the
/// filling.
[[nodiscard]] std::vector<dims> pad_sources_of(const pad_plan& plan, const dims& from, const dims& strides);
/// The element that is filled in, of the input's type.
[[nodiscard]] tensor pad_filling_of(const node& of, dtype type, const tensor* given);

}  // namespace troupe::gpu::detail
