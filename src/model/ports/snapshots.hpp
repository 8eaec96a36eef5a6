#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <memory>
#include <string_view>

namespace troupe::model::ports {

/// The bytes of a snapshot of one shard as it was at one moment. One thread at a time; reads the disk.
class snapshot_stream {
 public:
  virtual ~snapshot_stream() = default;
  /// The log index up to which it shows the shard.
  [[nodiscard]] virtual std::uint64_t position() const = 0;
  /// About how many keys it has, to tell how far a reader is; may be off.
  [[nodiscard]] virtual std::uint64_t keys_about() const = 0;
  /// The next piece, valid until the next call; empty at the end.
  [[nodiscard]] virtual result<std::string_view> next() = 0;
};

/// What other nodes may read of this node's shards.
class snapshot_source {
 public:
  virtual ~snapshot_source() = default;
  /// Any thread; reads the disk. The source outlives the stream.
  /// @returns `errc::not_found` if there is no such shard here, or nothing in it yet
  [[nodiscard]] virtual result<std::unique_ptr<snapshot_stream>> open(std::uint32_t shard) = 0;
};

}  // namespace troupe::model::ports
