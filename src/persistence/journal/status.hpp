#pragma once

#include "base/error.hpp"

#include <rocksdb/status.h>

#include <string_view>

namespace troupe::journal {

/// RocksDB's answer as ours. `status` must not be ok.
[[nodiscard]] error to_error(const rocksdb::Status& status, std::string_view doing);

}  // namespace troupe::journal
