#pragma once

#include "persistence/backup/files.hpp"
#include "persistence/backup/inventory.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace troupe::backup {

inline constexpr std::uint32_t format = 2;  ///< 1 is written where there is one shard
inline constexpr const char* manifest_name = "manifest.json";

/// A file of a backup; its name is relative to the backup's directory.
struct part {
  std::string name;
  file_facts facts;
  friend bool operator==(const part&, const part&) = default;
};

struct artifact_part {
  part list;
  std::uint64_t count = 0;
  std::uint64_t size = 0;     ///< of all of them, in bytes
  std::uint64_t missing = 0;  ///< jobs name them, but no node had them
  friend bool operator==(const artifact_part&, const artifact_part&) = default;
};

/// The state of one shard.
struct shard_part {
  replica::log_position position;  ///< the state has everything up to here, and nothing later
  timestamp log_time{};
  std::uint64_t keys = 0;
  part state;
  friend bool operator==(const shard_part&, const shard_part&) = default;
};

/// What a backup is.
struct manifest {
  std::uint64_t cluster = 0;
  timestamp taken{};               ///< by the clock of whoever took it
  job_counts jobs;                 ///< of all shards
  std::vector<shard_part> shards;  ///< by their numbers; never empty
  std::optional<artifact_part> artifacts;
  friend bool operator==(const manifest&, const manifest&) = default;
};

[[nodiscard]] std::string to_text(const manifest& of);
/// @returns `errc::not_found` where no backup was finished, `errc::corrupt` for a damaged manifest, `errc::conflict` for one of a
/// newer program or of something else
[[nodiscard]] result<manifest> read_manifest(const std::filesystem::path& directory);

/// "2026-11-22T00:42:17.000Z"
[[nodiscard]] std::string time_text(timestamp at);

}  // namespace troupe::backup
