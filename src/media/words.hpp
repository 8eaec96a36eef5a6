#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/units.hpp"

/// Text as people see and hear it: pure functions, no media.
namespace troupe::media::detail {

/// Valid UTF-8 without control characters: broken bytes become U+FFFD, tabs and other controls a space, "\r\n" a newline.
[[nodiscard]] std::string clean_utf8(std::string_view text);

/// Number of code points of valid UTF-8.
[[nodiscard]] std::size_t length_of(std::string_view utf8);

/// Breaks at spaces (and at newlines, always) so that no line has more than `line_max` code points; longer words are cut.
/// Where a paragraph needs several lines they get about equal lengths.
[[nodiscard]] std::vector<std::string> wrap(std::string_view utf8, std::size_t line_max);

/// Some lines that stand on the screen together.
struct caption {
  std::vector<std::string> lines;
  duration from;
  duration until;
};

/// Cuts a spoken text into captions of at most two lines that cover `[0, length)` without a gap, each for a time in proportion
/// to its letters, with a little more after the end of a sentence. Sentences are kept together where they fit.
[[nodiscard]] std::vector<caption> make_captions(std::string_view utf8, std::size_t line_max, duration length);

/// What an English voice can say of a text: letters with accents lose them, typographic signs become plain ones.
struct spoken_text {
  std::vector<std::string> pieces;  ///< printable ASCII, each a sentence or a part of one, in order
  std::size_t left_out = 0;         ///< code points that have no sound in English (other scripts, emoji)
};
[[nodiscard]] spoken_text make_speakable(std::string_view text);

}  // namespace troupe::media::detail
