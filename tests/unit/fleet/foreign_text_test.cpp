#include "fleet/foreign_text.hpp"

#include "base/utf8.hpp"

#include <doctest/doctest.h>

#include <random>

namespace troupe::fleet {
namespace {

TEST_CASE("what somebody else said is one line of valid UTF-8") {
  CHECK(foreign_text("", 10) == "");
  CHECK(foreign_text("as it is", 10) == "as it is");
  CHECK(foreign_text("a\nb\x1b[0m\x7f", 20) == "a b [0m ");
  CHECK(foreign_text(std::string_view{"a\0b", 3}, 20) == "a?b");
  CHECK(foreign_text("a\xff\xc3", 20) == "a??");
  CHECK(foreign_text("a\xc2\x85"
                     "b\xc2\xa0",
                     20)
        == "a  b\xc2\xa0");
}

TEST_CASE("it is cut between two characters") {
  const std::string euros = "\u20ac\u20ac\u20ac";
  CHECK(foreign_text(euros, 9) == euros);
  for (const std::size_t most : {6u, 7u, 8u}) CHECK(foreign_text(euros, most) == "\u20ac\u20ac");
  CHECK(foreign_text(euros, 2) == "");
  CHECK(foreign_text(std::string(100, 'x'), 7) == "xxxxxxx");
}

TEST_CASE("whatever the bytes are, it is valid and no longer") {
  std::mt19937_64 random{5};
  for (int i = 0; i < 2000; ++i) {
    std::string text(random() % 40, ' ');
    for (auto& c : text) c = static_cast<char>(random());
    const auto most = static_cast<std::size_t>(random() % 30);
    const auto shown = foreign_text(text, most);
    CHECK(is_utf8(shown));
    CHECK(shown.size() <= most);
  }
}

}  // namespace
}  // namespace troupe::fleet
