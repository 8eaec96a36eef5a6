#pragma once

#include "cli/api.hpp"

#include <filesystem>
#include <string>

namespace troupe::cli {

/// Uploads a file, streamed. @returns {"artifact", "size", "media_type"}.
[[nodiscard]] outcome<json::object> put_artifact(api& node, const std::filesystem::path& file);

/// Downloads an artifact to a file, resuming where a connection broke, and checks its SHA-256 before the file gets its name.
/// @param target  "-": standard output (checked at the end, when it is too late to take it back).
/// @returns the bytes received.
[[nodiscard]] outcome<std::uint64_t> get_artifact(api& node, const std::string& hash, const std::filesystem::path& target);

/// The media type of a stored artifact; "" if the node does not say.
[[nodiscard]] outcome<std::string> media_type_at(api& node, const std::string& hash);

}  // namespace troupe::cli
