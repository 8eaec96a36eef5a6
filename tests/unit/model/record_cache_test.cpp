#include "model/table/record_cache.hpp"

#include <doctest/doctest.h>

namespace troupe::model {
namespace {

std::shared_ptr<job_record> record_of(std::uint64_t id, std::uint64_t revision = 1) {
  auto made = std::make_shared<job_record>();
  made->id = job_id{id};
  made->revision = revision;
  return made;
}

}  // namespace

TEST_CASE("the record that was not touched for the longest makes room") {
  record_cache cache{2, 1_MiB};
  cache.keep(record_of(1));
  cache.keep(record_of(2));
  CHECK(cache.find(job_id{1}));

  cache.keep(record_of(3));

  CHECK(cache.size() == 2);
  CHECK(cache.find(job_id{1}));
  CHECK(cache.find(job_id{2}) == nullptr);
  CHECK(cache.find(job_id{3}));
}

TEST_CASE("a newer record of a job takes the place of the older one") {
  record_cache cache{2, 1_MiB};
  cache.keep(record_of(1));
  cache.keep(record_of(2));

  cache.keep(record_of(1, 5));

  CHECK(cache.size() == 2);
  REQUIRE(cache.find(job_id{1}));
  CHECK(cache.find(job_id{1})->revision == 5);
  CHECK(cache.find(job_id{2}));
}

TEST_CASE("the record that is found is the one that was kept, with what was changed in it since") {
  record_cache cache{1, 1_MiB};
  const auto job = record_of(1);
  cache.keep(job);
  job->revision = 9;

  CHECK(cache.find(job_id{1}) == job);
}

TEST_CASE("records make room for the weight of others, and a single one may weigh more than all may together") {
  const auto heavy = [](std::uint64_t id, std::size_t size) {
    auto made = record_of(id);
    made->inputs = packed_object{{{"text", std::string(size, 'x')}}};
    return made;
  };
  record_cache cache{100, 20_KiB};
  for (std::uint64_t id = 1; id <= 4; ++id) cache.keep(heavy(id, 1000));
  CHECK(cache.size() == 4);
  CHECK(record_cache::weight_of(*heavy(1, 1000)) > bytes{1000});

  cache.keep(heavy(5, 6000));
  CHECK(cache.size() < 5);
  CHECK(cache.find(job_id{1}) == nullptr);
  CHECK(cache.find(job_id{5}));
  cache.keep(heavy(6, 20'000));
  CHECK(cache.size() == 1);
  cache.forget(job_id{6});
  for (std::uint64_t id = 1; id <= 4; ++id) cache.keep(heavy(id, 1000));
  CHECK(cache.size() == 4);
}

TEST_CASE("a record that is only kept if there is room takes no other one's place, but its own") {
  record_cache cache{2, 1_MiB};
  cache.keep_if_room(record_of(1));
  cache.keep_if_room(record_of(2));

  cache.keep_if_room(record_of(3));
  cache.keep_if_room(record_of(2, 5));

  CHECK(cache.find(job_id{1}));
  CHECK(cache.find(job_id{2})->revision == 5);
  CHECK(cache.find(job_id{3}) == nullptr);
}

TEST_CASE("a forgotten record is gone") {
  record_cache cache{2, 1_MiB};
  cache.keep(record_of(1));

  cache.forget(job_id{1});
  cache.forget(job_id{2});  // which was never there

  CHECK(cache.size() == 0);
  CHECK(cache.find(job_id{1}) == nullptr);
}

}  // namespace troupe::model
