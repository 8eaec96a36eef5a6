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

TEST_CASE("bytes that are no UTF-8 become question marks, others stay") {
  CHECK(valid_utf8("Gr\xc3\xbc\xc3\x9f" "e \xf0\x9f\x8e\xac") == "Gr\xc3\xbc\xc3\x9f" "e \xf0\x9f\x8e\xac");
  CHECK(valid_utf8("\xff\xc3(\xed\xa0\x80\xc0\xaf") == "?" "?(?????");
  CHECK(valid_utf8(std::string_view{"a\0b", 3}) == "a?b");
  CHECK(valid_utf8("cut \xf0\x9f\x8e") == "cut ???");
}
