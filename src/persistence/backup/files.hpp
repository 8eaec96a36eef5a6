#pragma once

#include "base/digest.hpp"
#include "base/error.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

namespace troupe::backup {

/// Work with this name has come so far, in bytes; for people who wait. `total` 0: nobody knows.
using progress = std::function<void(std::string_view what, std::uint64_t done, std::uint64_t total)>;

/// Reads a file to its end, piece by piece; ends with the first error of `take`.
[[nodiscard]] result<void> read_pieces(const std::filesystem::path& path,
                                       const std::function<result<void>(std::string_view)>& take);

struct file_facts {
  std::uint64_t size = 0;
  digest sha256;
  friend bool operator==(const file_facts&, const file_facts&) = default;
};
[[nodiscard]] result<file_facts> facts_of(const std::filesystem::path& path);

}  // namespace troupe::backup
