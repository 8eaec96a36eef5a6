#include "cli/node_loads.hpp"

#include <doctest/doctest.h>

namespace troupe::cli {
namespace {

using model::node_id;

http::node_load load(std::uint64_t busy, std::uint64_t all, std::uint64_t requests, std::uint64_t connections = 4) {
  return {{busy, all, bytes{25}, bytes{100}}, connections, requests};
}

const timestamp begin{24h};
const std::vector<node_id> two{node_id{1}, node_id{2}};

TEST_CASE("use is what was used between two readings, requests are those of a minute, averaged over nodes") {
  node_loads loads;
  loads.take(node_id{1}, begin, load(100, 1000, 50));
  loads.take(node_id{2}, begin, load(0, 1000, 0, 8));
  const auto first = loads.over(two, begin);
  CHECK(first.connections == 6);
  CHECK(first.memory_percent == 25);
  CHECK_FALSE(first.cpu_percent.has_value());  // one reading says nothing yet
  CHECK_FALSE(first.requests_a_minute.has_value());

  loads.take(node_id{1}, begin + 10s, load(200, 1200, 60));
  loads.take(node_id{2}, begin + 10s, load(20, 1200, 0, 8));

  const auto then = loads.over(two, begin + 10s);
  CHECK(then.cpu_percent == 30);  // 50 and 10
  REQUIRE(then.requests_a_minute.has_value());
  CHECK(*then.requests_a_minute == doctest::Approx(30));  // 60 and 0
}

TEST_CASE("what fewer than half of the nodes have said lately is missing") {
  node_loads loads;
  const std::vector<node_id> three{node_id{1}, node_id{2}, node_id{3}};
  loads.take(node_id{1}, begin, load(0, 1, 0));
  CHECK_FALSE(loads.over(three, begin).connections.has_value());
  loads.take(node_id{2}, begin, load(0, 1, 0));
  CHECK(loads.over(three, begin).connections == 4);
  CHECK_FALSE(loads.over(three, begin + 31s).connections.has_value());
  CHECK_FALSE(loads.over({}, begin).connections.has_value());
}

TEST_CASE("a node that was started anew begins its counts again") {
  node_loads loads;
  const std::vector<node_id> one{node_id{1}};
  loads.take(node_id{1}, begin, load(0, 100, 1000));
  loads.take(node_id{1}, begin + 10s, load(10, 200, 5));
  CHECK_FALSE(loads.over(one, begin + 10s).requests_a_minute.has_value());
  loads.take(node_id{1}, begin + 20s, load(20, 300, 10));
  CHECK(*loads.over(one, begin + 20s).requests_a_minute == doctest::Approx(30));
}

TEST_CASE("a minute is looked back, however long it goes on") {
  node_loads loads;
  const std::vector<node_id> one{node_id{1}};
  for (int i = 0; i <= 100; ++i)  // ten a second at first, then none
    loads.take(node_id{1}, begin + i * 5s, load(0, 100, static_cast<std::uint64_t>(std::min(i, 50) * 50)));
  CHECK(*loads.over(one, begin + 500s).requests_a_minute == doctest::Approx(0));
}

TEST_CASE("those that were heard of the longest ago are asked first") {
  node_loads loads;
  CHECK(loads.next(two, begin) == node_id{1});
  loads.take(node_id{1}, begin, load(0, 1, 0));
  CHECK(loads.next(two, begin) == node_id{2});
  loads.take(node_id{2}, begin + 1s, load(0, 1, 0));
  CHECK_FALSE(loads.next(two, begin).has_value());
  CHECK(loads.next(two, begin + 2s) == node_id{1});
  loads.keep({node_id{2}});
  CHECK(loads.next(two, begin) == node_id{1});
}

TEST_CASE("a node that does not answer is not asked first in each round") {
  node_loads loads;
  loads.miss(node_id{1}, begin);
  CHECK(loads.next(two, begin) == node_id{2});
  loads.take(node_id{2}, begin, load(0, 1, 0));
  CHECK_FALSE(loads.next(two, begin).has_value());
  CHECK(loads.next(two, begin + 5s) == node_id{2});  // of one round: who has answered
  loads.take(node_id{2}, begin + 5s, load(0, 2, 0));
  CHECK(loads.next(two, begin + 5s) == node_id{1});
  CHECK(loads.over(two, begin + 31s).connections.has_value());
}

}  // namespace
}  // namespace troupe::cli
