#pragma once

#include "base/error.hpp"
#include "persistence/journal/store.hpp"
#include "persistence/replica/storage.hpp"

#include <filesystem>
#include <memory>
#include <string>

// Images of shards: those that are read here for other nodes, and those of other nodes that wait to be installed. The latter are
// table files of RocksDB with the keys that they will have here, one a shard, in a directory beside the database.
namespace troupe::journal {

/// The state of `shard` as it is now. `from` outlives it.
/// @returns `errc::not_found` if nothing was ever applied, or an image is just being installed.
[[nodiscard]] result<std::unique_ptr<replica::state_image>> open_image(const store& from, replica::shard_no shard);

/// A new file for `shard` in the place of the one that was there.
[[nodiscard]] result<std::unique_ptr<replica::image_sink>> create_image(const store& in, const std::filesystem::path& directory,
                                                                        replica::shard_no shard);

/// Reads a file that was finished, whole. @returns `errc::corrupt` if it is not what was written.
[[nodiscard]] result<void> verify_image(const store& in, const std::filesystem::path& file);

/// Makes the file a part of the database; it leaves the directory. Its keys must not be there yet.
[[nodiscard]] result<void> ingest_image(const store& into, const std::filesystem::path& file);

/// Removes what earlier runs left.
[[nodiscard]] result<void> remove_images(const store& of, const std::filesystem::path& directory);

}  // namespace troupe::journal
