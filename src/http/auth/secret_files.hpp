#pragma once

#include "base/error.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace troupe::auth {

/// @returns `errc::not_found` if there is none, `errc::too_large` for one over 64 KiB, `errc::io_failed` for one that cannot be
/// read.
[[nodiscard]] result<std::string> read_small_file(const std::filesystem::path& path);
/// Makes the file or replaces it in one step. It is durable on return, and its owner alone may read it (0600).
[[nodiscard]] result<void> write_secret_file(const std::filesystem::path& path, std::string_view text);
/// Makes the directory if it is missing; its owner alone may enter it (0700).
[[nodiscard]] result<void> make_secret_directory(const std::filesystem::path& path);

}  // namespace troupe::auth
