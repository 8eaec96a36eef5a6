#include "media/words.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace troupe;
using namespace troupe::media::detail;

TEST_CASE("wrapped lines keep all words, stay within the width and are of a like length") {
  const auto lines = wrap("one two three four five six seven eight nine ten", 30);
  CHECK(lines == std::vector<std::string>{"one two three four five", "six seven eight nine ten"});
}

TEST_CASE("a word longer than a line is cut, by letters and not by bytes") {
  CHECK(wrap("abcdefgh", 3) == std::vector<std::string>{"abc", "def", "gh"});
  CHECK(wrap("äöüäö", 3) == std::vector<std::string>{"äöü", "äö"});
}

TEST_CASE("a newline always breaks a line, and blank text has no lines") {
  CHECK(wrap("a\nb", 40) == std::vector<std::string>{"a", "b"});
  CHECK(wrap(" \n  ", 40).empty());
}

TEST_CASE("captions cover the whole length in order, without gaps, in at most two lines") {
  const auto captions = make_captions(
      "This is the first sentence. And here comes a much longer one, which goes on and on, with commas, clauses and asides, so "
      "that "
      "it cannot possibly fit the two lines that a caption may have. Short. Very short!",
      42, 12'345ms);
  REQUIRE(captions.size() >= 4);
  CHECK(captions.front().from == 0ms);
  CHECK(captions.back().until == 12'345ms);
  std::string joined;
  for (std::size_t i = 0; i < captions.size(); ++i) {
    if (i > 0) CHECK(captions[i].from == captions[i - 1].until);
    CHECK(captions[i].until > captions[i].from);
    CHECK(captions[i].lines.size() <= 2);
    for (const auto& line : captions[i].lines) {
      CHECK(length_of(line) <= 42);
      joined += line + " ";
    }
  }
  CHECK(joined ==
        "This is the first sentence. And here comes a much longer one, which goes on and on, with commas, clauses and asides, so that "
        "it cannot possibly fit the two lines that a caption may have. Short. Very short! ");
}

TEST_CASE("a caption with more letters stands longer") {
  const auto captions = make_captions("This sentence is clearly of a good length. This one is rather short, no?", 42, 10'000ms);
  REQUIRE(captions.size() == 2);
  CHECK(captions[0].until - captions[0].from > captions[1].until - captions[1].from);
}

TEST_CASE("no words, no captions") { CHECK(make_captions(" \n ", 42, 1000ms).empty()); }

TEST_CASE("broken UTF-8 becomes valid and control characters go") {
  CHECK(clean_utf8("a\xff\xc3(b\x80") == "a\xef\xbf\xbd\xef\xbf\xbd(b\xef\xbf\xbd");
  CHECK(clean_utf8("\xed\xa0\x80").find('\xed') == std::string::npos);  // a surrogate half
  CHECK(clean_utf8("\xc0\x80") == "\xef\xbf\xbd\xef\xbf\xbd");          // an overlong zero
  CHECK(clean_utf8("a\tb\x01"
                   "c\r\nd")
        == "a b c\nd");
  CHECK(clean_utf8("héllo — 漢字 🎬") == "héllo — 漢字 🎬");
  CHECK(clean_utf8("cut \xf0\x9f\x8e") == "cut \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

TEST_CASE("what is spoken is plain ASCII: accents go, typography becomes plain") {
  const auto spoken = make_speakable("“Café” — it’s naïve…");
  REQUIRE(spoken.pieces.size() == 1);
  CHECK(spoken.pieces[0] == "\"Cafe\" , it's naive...");
  CHECK(spoken.left_out == 0);
}

TEST_CASE("other scripts are left out and counted") {
  const auto spoken = make_speakable("Привет, world!");
  CHECK(spoken.left_out == 6);
  REQUIRE(spoken.pieces.size() == 1);
  CHECK(spoken.pieces[0] == ", world!");
  CHECK(make_speakable("漢字。").pieces.empty());
  CHECK(make_speakable("?!... --").pieces.empty());
}

TEST_CASE("long texts are spoken in bounded pieces, without losing a letter") {
  const std::string text(5000, 'a');
  std::size_t letters = 0;
  for (const auto& piece : make_speakable(text + " end. Next").pieces) {
    CHECK(piece.size() <= 300);
    letters += static_cast<std::size_t>(std::count(piece.begin(), piece.end(), 'a'));
  }
  CHECK(letters == 5000);
}
