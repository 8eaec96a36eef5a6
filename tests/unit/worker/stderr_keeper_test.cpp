#include "worker/host/stderr_keeper.hpp"

#include <doctest/doctest.h>

using namespace troupe::worker;

TEST_CASE("of a long stream the head and the tail are kept") {
  stderr_keeper keeper{4, 4};
  keeper.push("he");
  keeper.push("ad and much more ");
  keeper.push("tail");

  CHECK(keeper.text() == "head\n... 15 bytes left out ...\ntail");
  keeper.clear();
  CHECK(keeper.text().empty());
}

TEST_CASE("a short stream is kept whole") {
  stderr_keeper keeper{4, 4};
  keeper.push("12345678");
  CHECK(keeper.text() == "12345678");
}
