#include "scaling/course.hpp"

#include <doctest/doctest.h>

// Goal: what a page shows of the last hours is small and misses no change. Method: points in, points out.
namespace troupe::scaling {
namespace {

timestamp at(duration after) { return timestamp{} + after; }

TEST_CASE("the course of a pool has a point for each change of nodes, and one a minute") {
  course of;
  of.add({at(0s), 1, 1, 0});
  of.add({at(5s), 1, 1, 70});
  of.add({at(10s), 3, 1, 40});
  of.add({at(15s), 3, 1, 30});
  of.add({at(20s), 3, 2, 20});
  of.add({at(79s), 3, 2, 10});
  of.add({at(80s), 3, 2, 0});

  const std::deque<course::point> wanted{{at(0s), 1, 1, 0}, {at(10s), 3, 1, 70}, {at(20s), 3, 2, 30}, {at(80s), 3, 2, 10}};
  CHECK(of.points() == wanted);
}

TEST_CASE("the course of a pool forgets what is oldest") {
  course of;
  for (int i = 0; i < 1000; ++i) of.add({at(std::chrono::seconds{i}), i, 0, 0});
  REQUIRE(of.points().size() == course::most);
  CHECK(of.points().back().desired == 999);
  CHECK(of.points().front().desired == 1000 - static_cast<int>(course::most));
}

}  // namespace
}  // namespace troupe::scaling
