#pragma once

#include "base/error.hpp"

namespace troupe::http {

/// The one place where an error becomes a status.
[[nodiscard]] int status_of(errc code) noexcept;
/// The words after the number in a status line.
[[nodiscard]] const char* reason_of(int status) noexcept;

}  // namespace troupe::http
