#pragma once

#include "base/units.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace troupe::model::detail {

/// Reads "512MiB", "4GiB" or "1TiB": a whole number and a unit, powers of 1,024 (also "B", "KiB").
[[nodiscard]] std::optional<bytes> size_from(std::string_view text) noexcept;
/// The same, in the largest unit that divides it.
[[nodiscard]] std::string size_text(bytes size);

}  // namespace troupe::model::detail
