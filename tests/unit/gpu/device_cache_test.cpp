#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <random>

#include "gpu/device/geometry.hpp"
#include "gpu/device/plan_cache.hpp"
#include "gpu/device/pool.hpp"
#include "gpu/plan/arena.hpp"

namespace troupe::gpu::device {

namespace {

plan_cache two_plans() {
  plan_cache made("a device, a version");
  made.add("forward x1,2,3", {.engine = 4, .knobs = {{.type = 23, .value = -1}, {.type = 2, .value = 9}}});
  made.add("transposed x", {.engine = 0, .knobs = {}});
  return made;
}

auto take_from_heap() {
  return [](std::size_t size) -> result<std::byte*> { return new std::byte[size]; };
}
auto give_to_heap() {
  return [](std::byte* memory) { delete[] memory; };
}

}  // namespace

TEST_CASE("plans are read as they were written") {
  plan_cache read("a device, a version");

  CHECK(read.read(two_plans().text()) == 0);

  CHECK(read.size() == 2);
  CHECK(read.find("forward x1,2,3") == two_plans().find("forward x1,2,3"));
  CHECK(read.find("transposed x") == plan_choice{.engine = 0, .knobs = {}});
  CHECK(!read.find("forward"));
}

TEST_CASE("plans of another device or version are as if they were not there") {
  plan_cache read("a device, another version");

  CHECK(read.read(two_plans().text()) == 1);

  CHECK(read.size() == 0);
}

TEST_CASE("no damage of one byte makes another plan of one") {
  const auto text = two_plans().text();
  for (std::size_t at = 0; at < text.size(); ++at)
    for (const char flipped : {1, 4, 0x40}) {
      auto damaged = text;
      damaged[at] = static_cast<char>(damaged[at] ^ flipped);
      plan_cache read("a device, a version");
      CHECK(read.read(damaged) >= 1);
      for (const auto* const key : {"forward x1,2,3", "transposed x"})
        if (const auto found = read.find(key)) CHECK(found == two_plans().find(key));
      CHECK(read.size() < 2);
    }
}

TEST_CASE("a text that was cut off has the plans before the cut") {
  const auto text = two_plans().text();
  for (std::size_t length = 0; length < text.size(); ++length) {
    plan_cache read("a device, a version");
    read.read(text.substr(0, length));
    for (const auto* const key : {"forward x1,2,3", "transposed x"})
      if (const auto found = read.find(key)) CHECK(found == two_plans().find(key));
  }
}

TEST_CASE("a file of plans outlives its process, and one that is not there is empty") {
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("troupe-plans-{}", ::getpid());
  const auto file = folder / "cache/plans";
  plan_cache read("a device, a version");

  CHECK(read.load(file).has_value());
  CHECK(read.size() == 0);
  CHECK(two_plans().save(file).has_value());
  CHECK(read.load(file).has_value());
  CHECK(read.size() == 2);
  CHECK(std::distance(std::filesystem::directory_iterator(file.parent_path()), {}) == 1);  // nothing is left aside
  CHECK(two_plans().save(file / "below a file").error().code == errc::io_failed);
  std::filesystem::remove_all(folder);
}

TEST_CASE("memory beyond the budget is refused with sizes, and comes back when its owner goes") {
  const auto memory = std::make_shared<pool>(4 * pool::granule);
  auto first = memory->allocate(3 * pool::granule - 1, take_from_heap(), give_to_heap());
  REQUIRE(first.has_value());
  CHECK(memory->used() == 3 * pool::granule);

  const auto refused = memory->allocate(pool::granule + 1, take_from_heap(), give_to_heap());

  REQUIRE(!refused);
  CHECK(refused.error() == error{errc::no_space, "1024 bytes of the device's memory are needed; 1536 of 2048 are taken"});
  auto rest = memory->allocate(0, take_from_heap(), give_to_heap());
  REQUIRE(rest.has_value());
  CHECK(memory->used() == 4 * pool::granule);
  *first = {};
  CHECK(memory->used() == pool::granule);
  *rest = {};
  CHECK(memory->used() == 0);
}

TEST_CASE("memory that the device refuses is not counted") {
  const auto memory = std::make_shared<pool>(0);

  const auto refused = memory->allocate(
      1,
      [](std::size_t) -> result<std::byte*> {
        return error{errc::too_large, "none"};
      },
      give_to_heap());

  CHECK(!refused);
  CHECK(memory->used() == 0);
}

TEST_CASE("what is needed at the same time lies apart, within the arena") {
  std::mt19937 random(3);
  const auto draw = [&](std::size_t least, std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(least, most)(random);
  };
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<tenancy> all(draw(1, 30));
    for (auto& one : all) {
      one.size = draw(1, 5000);
      one.first = draw(0, 20);
      one.last = one.first + draw(0, 8);
    }
    all[0].first = SIZE_MAX;  // needed by nobody
    const auto arena = place(all, 256);
    std::size_t largest_moment = 0;
    for (std::size_t moment = 0; moment < 30; ++moment) {
      std::size_t sum = 0;
      for (std::size_t a = 1; a < all.size(); ++a) {
        if (all[a].first > moment || all[a].last < moment) continue;
        sum += all[a].size;
        CHECK(all[a].offset % 256 == 0);
        CHECK(all[a].offset + all[a].size <= arena);
        for (std::size_t b = a + 1; b < all.size(); ++b)
          if (all[b].first <= moment && moment <= all[b].last)
            CHECK((all[a].offset + all[a].size <= all[b].offset || all[b].offset + all[b].size <= all[a].offset));
      }
      largest_moment = std::max(largest_moment, sum);
    }
    CHECK(arena >= largest_moment);
  }
}

TEST_CASE("threads are enough for every element, and within what a device can start") {
  for (const std::int64_t count : {1, 255, 256, 257, 1 << 20, 1 << 28}) {
    const auto how = geometry_of(count);
    CHECK(how.threads <= 1024);
    CHECK(how.blocks >= 1);
    CHECK((static_cast<std::int64_t>(how.blocks) * how.threads >= count || how.blocks == blocks_most));
  }
  CHECK(geometry_of(std::int64_t{1} << 40).blocks == blocks_most);
  CHECK(geometry_of_groups(100, 8).threads == threads_in_block);
  CHECK(geometry_of_groups(100, 8).blocks == 1);
  CHECK(geometry_of_groups(100, 300).threads == 128);
  CHECK(geometry_of_groups(100, 300).blocks == 100);
  CHECK(geometry_of_groups(100, 100'000).threads == 256);
}

}  // namespace troupe::gpu::device
