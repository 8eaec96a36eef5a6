#include "cli/retry.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace troupe;
using namespace troupe::cli;

TEST_CASE("waits double up to a bound, and end with the patience") {
  retry_budget budget{20s};
  duration now{1000};
  std::vector<duration> waits;
  while (const auto wait = budget.next(now)) {
    waits.push_back(*wait);
    now += *wait;
  }
  CHECK((waits == std::vector<duration>{250ms, 500ms, 1s, 2s, 4s, 5s, 5s, 2250ms}));
  CHECK((now == 21s));
}

TEST_CASE("a node's Retry-After is honoured, and is a reason to give up when it is too long") {
  retry_budget budget{10s};
  CHECK((budget.next(0ms, 3s) == duration{3s}));
  CHECK_FALSE(budget.next(3s, 8s).has_value());
  CHECK((budget.next(3s, 7s) == duration{7s}));
}

TEST_CASE("a success gives the whole patience back") {
  retry_budget budget{1s};
  CHECK((budget.next(0ms) == duration{250ms}));
  budget.succeeded();
  CHECK((budget.next(5s) == duration{250ms}));
}

TEST_CASE("without patience nothing is tried again") { CHECK_FALSE(retry_budget{0ms}.next(0ms).has_value()); }
