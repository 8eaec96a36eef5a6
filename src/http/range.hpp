#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace troupe::http {

/// What of a representation a client gets (RFC 9110, 14).
struct range_choice {
  enum class kind : std::uint8_t { whole, part, unsatisfiable };
  kind what = kind::whole;
  std::uint64_t first = 0, last = 0;  ///< of a part, both included
};

/// One range is served; several, another unit and bad syntax get the whole, which is always allowed.
[[nodiscard]] range_choice choose_range(std::string_view header, std::uint64_t size) noexcept;

}  // namespace troupe::http
