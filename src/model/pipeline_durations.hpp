#pragma once

#include "base/units.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace troupe::model::detail {

/// Reads "500ms", "60s", "10min" or "2h": a whole number and a unit.
[[nodiscard]] std::optional<duration> duration_from(std::string_view text) noexcept;
/// The same, in the largest unit that divides it.
[[nodiscard]] std::string duration_text(duration d);

}  // namespace troupe::model::detail
