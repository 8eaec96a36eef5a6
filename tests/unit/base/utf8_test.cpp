#include "base/utf8.hpp"

#include <doctest/doctest.h>

using namespace troupe;

TEST_CASE("UTF-8 is told from other bytes") {
  for (const auto* good : {"", "a", "\x7f", "\u00e9", "\u20ac", "\U0001f600", "\u07ff\uffff"}) {
    CAPTURE(good);
    CHECK(is_utf8(good));
    CHECK(valid_utf8(good) == good);
  }
  // Alone, cut off, overlong, surrogate, beyond U+10FFFF.
  for (const auto* bad :
       {"\x80", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_utf8(bad));
    CHECK(is_utf8(valid_utf8(bad)));
  }
}

TEST_CASE("one wrong byte is found wherever it stands, and a character across words is none") {
  for (std::size_t at = 0; at < 40; ++at) {
    CAPTURE(at);
    std::string text(40, 'a');
    text[at] = '\xff';
    CHECK_FALSE(is_utf8(text));
    text[at] = 'a';
    text.insert(at, "\u20ac");
    CHECK(is_utf8(text));
  }
}

TEST_CASE("only what is wrong is replaced") {
  CHECK(valid_utf8("\xff\xc3(\xed\xa0\x80\xc0\xaf") == "?" "?(?????");
  CHECK(valid_utf8("a\xff\u00e9\xc3") == "a?\u00e9?");
  CHECK(valid_utf8(std::string_view{"a\0b", 3}) == "a?b");
  CHECK(is_utf8(std::string_view{"a\0b", 3}));
}
