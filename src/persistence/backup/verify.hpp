#pragma once

#include "persistence/backup/manifest.hpp"
#include "persistence/backup/target.hpp"

#include <filesystem>
#include <vector>

namespace troupe::backup {

struct checked {
  manifest about;
  std::vector<listed_artifact> artifacts;
};

/// Reads every byte of a backup. Changes nothing.
/// @returns `errc::corrupt` if anything is not as it was written, and what `read_manifest` answers
[[nodiscard]] result<checked> verify(const std::filesystem::path& directory, const progress& tell);

}  // namespace troupe::backup
