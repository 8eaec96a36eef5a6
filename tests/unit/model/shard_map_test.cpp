#include "model/shard_map.hpp"

#include <doctest/doctest.h>

#include <vector>

// Goal: every bucket has one shard, and shards have equally many. Method: all buckets of several maps.
namespace troupe::model {
namespace {

TEST_CASE("one shard owns every bucket") {
  const shard_map one;
  for (std::uint16_t bucket = 0; bucket < bucket_count; ++bucket) REQUIRE(one.shard_of(bucket_no{bucket}) == shard_no{0});
}

TEST_CASE("several shards own neighbouring buckets, equally many each, give or take one") {
  for (const std::uint32_t shards : {2u, 3u, 4u, 7u, 16u, 63u, 64u}) {
    CAPTURE(shards);
    const shard_map map{shards};
    std::vector<std::uint32_t> owned(shards);
    std::uint32_t last = 0;
    for (std::uint16_t bucket = 0; bucket < bucket_count; ++bucket) {
      const auto shard = map.shard_of(bucket_no{bucket}).raw();
      REQUIRE(shard < shards);
      REQUIRE((shard == last || shard == last + 1));
      ++owned[last = shard];
    }
    for (const auto count : owned) CHECK((count == bucket_count / shards || count == bucket_count / shards + 1));
  }
}

TEST_CASE("a job's shard is that of its bucket, which its id carries") {
  const shard_map map{16};
  const auto bucket = bucket_of("default", "key");
  CHECK(map.shard_of(job_id::make(bucket, 77)) == map.shard_of(bucket));
  CHECK(map.shard_of(job_id::make(bucket_no{0}, 1)) == shard_no{0});
  CHECK(map.shard_of(job_id::make(bucket_no{4095}, 1)) == shard_no{15});
}

}  // namespace
}  // namespace troupe::model
