#pragma once

#include "model/ids.hpp"
#include "persistence/backup/verify.hpp"

#include <filesystem>

namespace troupe::backup {

/// Who comes into being by a restore; both random and not 0.
struct newcomer {
  model::node_id node;
  std::uint64_t cluster = 0;
};

/// Makes an empty data directory the only node of a new cluster whose state is the backup's. The nodes of the old cluster are
/// forgotten; what they were running is lost like the work of any dead node, once the new one has waited a lease for them.
/// Durable on return; after an error `data` is as empty as before, after a crash no node starts on it.
/// @returns what `verify` answers, and `errc::conflict` if `data` is not empty
[[nodiscard]] result<manifest> restore(const std::filesystem::path& directory, const std::filesystem::path& data,
                                       const newcomer& who, const progress& tell);

}  // namespace troupe::backup
