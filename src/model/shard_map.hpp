#pragma once

#include "base/error.hpp"
#include "model/ids.hpp"

#include <cstdint>

namespace troupe::model {

/// Which shard owns which bucket: equal ranges of neighbours (give or take one), in the order of the shards. The only place that
/// says so; every node of a cluster has the same one, for the cluster's life.
class shard_map {
 public:
  static constexpr std::uint32_t shards_most = 64;

  constexpr shard_map() = default;  ///< one shard that owns all buckets
  /// @param shards  1..`shards_most`
  explicit shard_map(std::uint32_t shards) : shards_(shards) {
    TROUPE_ASSERT(shards >= 1 && shards <= shards_most, "a cluster has 1 to 64 shards");
  }

  [[nodiscard]] constexpr std::uint32_t shards() const noexcept { return shards_; }
  [[nodiscard]] constexpr shard_no shard_of(bucket_no bucket) const noexcept {
    return shard_no{bucket.raw() % bucket_count * shards_ / bucket_count};
  }
  [[nodiscard]] shard_no shard_of(job_id job) const noexcept { return shard_of(job.bucket()); }
  friend bool operator==(const shard_map&, const shard_map&) = default;

 private:
  std::uint32_t shards_ = 1;
};

}  // namespace troupe::model
