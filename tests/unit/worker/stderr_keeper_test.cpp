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

TEST_CASE("while it is written, the end of it can be read, and no broken character") {
  stderr_keeper keeper{4, 8};
  keeper.push("abc");
  CHECK(keeper.last(100) == "abc");
  CHECK(keeper.last(2) == "bc");
  keeper.push("defghi\xc3\xa9j");  // an e with an acute accent
  CHECK(keeper.last(3) == "\xc3\xa9j");
  CHECK(keeper.last(2) == "j");
  keeper.push("klmnopq");
  CHECK(keeper.last(100) == "jklmnopq");  // of a long stream the head is no end
}

TEST_CASE("a short stream is kept whole") {
  stderr_keeper keeper{4, 4};
  keeper.push("12345678");
  CHECK(keeper.text() == "12345678");
}
