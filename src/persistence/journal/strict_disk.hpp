#pragma once

#include <rocksdb/env.h>

#include <memory>

namespace troupe::journal {

/// `base`, but a file whose write or sync failed once refuses every further one. The kernel may drop the pages that it could not
/// write and report success the next time (fsync(2), "NOTES"); RocksDB syncs a log file again after its background flush failed.
[[nodiscard]] std::shared_ptr<rocksdb::Env> make_strict(std::shared_ptr<rocksdb::Env> base);

}  // namespace troupe::journal
