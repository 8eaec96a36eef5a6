#pragma once

#include "model/ids.hpp"
#include "model/shard_map.hpp"

#include <random>

namespace troupe::actors {

/// Ids for the new jobs of a shard: neighbours, in runs that begin at places drawn at random. What is submitted together then
/// stands together in tables and on the disk. One thread.
class id_runs {
 public:
  static constexpr std::uint64_t length = 1024;

  /// @param shards  who owns which bucket
  /// @param own     the buckets are those of this one
  id_runs(const model::shard_map& shards, model::shard_no own, std::uint64_t seed) : shards_(shards), own_(own), random_(seed) {}

  [[nodiscard]] model::job_id next() {
    if (left_ == 0) begin();
    --left_;
    return model::job_id{next_++};
  }

 private:
  void begin() {
    auto first = model::job_id{random_()};
    while (shards_.shard_of(first) != own_) first = model::job_id{random_()};
    next_ = first.raw() / length * length;
    left_ = length;
  }

  model::shard_map shards_;
  model::shard_no own_;
  std::mt19937_64 random_;
  std::uint64_t next_ = 0, left_ = 0;
};

}  // namespace troupe::actors
