#pragma once

#include <span>
#include <string_view>

namespace troupe::http {

/// A file that was built into the program.
struct embedded_file {
  std::string_view name, content;
};
[[nodiscard]] std::span<const embedded_file> embedded_files() noexcept;

}  // namespace troupe::http
