#include "base/error.hpp"

#include <doctest/doctest.h>

using namespace troupe;

namespace {
result<int> half_of(int n) {
  if (n % 2) return error{errc::bad_request, "odd"};
  return n / 2;
}
result<int> quarter_of(int n) {
  TROUPE_TRY(const int half, half_of(n));
  return half_of(half);
}
}  // namespace

TEST_CASE("TROUPE_TRY hands the value on, or the error up") {
  CHECK(quarter_of(8).value() == 2);
  CHECK(quarter_of(6).error() == error{errc::bad_request, "odd"});
}

TEST_CASE("the value of a failed result cannot be taken unseen") {
  CHECK_THROWS_WITH_AS(half_of(1).value(), "bad_request: odd", bad_result);
}
