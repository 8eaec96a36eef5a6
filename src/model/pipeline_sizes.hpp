#pragma once

#include "base/units.hpp"

#include <optional>
#include <string_view>

namespace troupe::model::detail {

/// Reads "512MiB", "4GiB" or "1TiB": a whole number and a unit, powers of 1,024 (also "B", "KiB").
[[nodiscard]] std::optional<bytes> size_from(std::string_view text) noexcept;

}  // namespace troupe::model::detail
