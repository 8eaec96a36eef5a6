#include "actors/id_runs.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace troupe::actors {

TEST_CASE("ids are neighbours in runs, never the same, and all of the own shard") {
  const model::shard_map map{16};
  for (const std::uint32_t own : {0u, 7u, 15u}) {
    id_runs runs{map, model::shard_no{own}, own};
    std::vector<std::uint64_t> ids(10 * id_runs::length);
    std::ranges::generate(ids, [&] { return runs.next().raw(); });

    CHECK(std::set(ids.begin(), ids.end()).size() == ids.size());
    CHECK(std::ranges::all_of(ids, [&](std::uint64_t id) { return map.shard_of(model::job_id{id}) == model::shard_no{own}; }));
    for (std::size_t i = 1; i < ids.size(); ++i) {
      if (i % id_runs::length != 0) CHECK(ids[i] == ids[i - 1] + 1);
    }
  }
}

TEST_CASE("runs of different seeds begin at different places") {
  id_runs one{model::shard_map{}, model::shard_no{0}, 1}, other{model::shard_map{}, model::shard_no{0}, 2};
  CHECK(one.next() != other.next());
}

}  // namespace troupe::actors
