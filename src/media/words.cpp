#include "media/words.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <numeric>

namespace troupe::media::detail {

namespace {

constexpr char32_t replacement = 0xFFFD;

/// Takes one code point off the front; broken bytes give U+FFFD, one at a time.
char32_t take_code_point(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text.front());
  text.remove_prefix(1);
  if (first < 0x80) return first;
  const int more = first >= 0xF0 && first < 0xF5 ? 3 : first >= 0xE0 ? 2 : 1;
  if (first < 0xC2 || first >= 0xF5 || text.size() < static_cast<std::size_t>(more)) return replacement;
  char32_t code = first & (0x3Fu >> more);
  for (int i = 0; i < more; ++i) {
    const auto next = static_cast<unsigned char>(text[static_cast<std::size_t>(i)]);
    if ((next & 0xC0) != 0x80) return replacement;
    code = code << 6 | (next & 0x3Fu);
  }
  constexpr std::array<char32_t, 4> least{0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = code >= 0xD800 && code < 0xE000;
  if (code < least[static_cast<std::size_t>(more)] || is_surrogate || code > 0x10FFFF) return replacement;
  text.remove_prefix(static_cast<std::size_t>(more));
  return code;
}

void append_utf8(std::string& to, char32_t code) {
  const auto put = [&](char32_t byte) { to.push_back(static_cast<char>(byte)); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0 | code >> 6);
  } else {
    if (code < 0x10000) {
      put(0xE0 | code >> 12);
    } else {
      put(0xF0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3F));
    }
    put(0x80 | (code >> 6 & 0x3F));
  }
  put(0x80 | (code & 0x3F));
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines(1);
  for (const char c : text) {
    if (c == '\n') {
      lines.emplace_back();
    } else {
      lines.back().push_back(c);
    }
  }
  return lines;
}

/// Words of at most `longest` code points; longer ones are cut.
std::vector<std::string> split_words(std::string_view text, std::size_t longest) {
  std::vector<std::string> words;
  std::string word;
  std::size_t count = 0;
  const auto end_word = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
    count = 0;
  };
  for (const char c : text) {
    if (c == ' ' || c == '\n') {
      end_word();
      continue;
    }
    if (!is_continuation(c) && count == longest) end_word();
    if (!is_continuation(c)) ++count;
    word.push_back(c);
  }
  end_word();
  return words;
}

/// Fills lines one after the other.
std::vector<std::string> fill_lines(const std::vector<std::string>& words, std::size_t line_max) {
  std::vector<std::string> lines;
  for (const auto& word : words) {
    if (!lines.empty() && length_of(lines.back()) + 1 + length_of(word) <= line_max) {
      lines.back() += " " + word;
    } else {
      lines.push_back(word);
    }
  }
  return lines;
}

/// The narrowest width that needs no more lines than the widest: two lines of a like length instead of one and a rest.
std::vector<std::string> balance(const std::vector<std::string>& words, std::size_t line_max) {
  auto best = fill_lines(words, line_max);
  for (std::size_t width = line_max; width-- > 1;) {
    auto narrower = fill_lines(words, width);
    const bool fits = std::all_of(narrower.begin(), narrower.end(), [&](const auto& line) { return length_of(line) <= width; });
    if (narrower.size() > best.size() || !fits) break;
    best = std::move(narrower);
  }
  return best;
}

bool ends_sentence(std::string_view word) {
  while (!word.empty() && (word.back() == '"' || word.back() == '\'' || word.back() == ')')) word.remove_suffix(1);
  return !word.empty() && (word.back() == '.' || word.back() == '!' || word.back() == '?');
}

std::vector<std::vector<std::string>> split_sentences(const std::vector<std::string>& words) {
  std::vector<std::vector<std::string>> sentences;
  bool starts = true;
  for (const auto& word : words) {
    if (starts) sentences.emplace_back();
    sentences.back().push_back(word);
    starts = ends_sentence(word);
  }
  return sentences;
}

std::size_t width_of(const std::vector<std::string>& words) {
  return std::accumulate(words.begin(), words.end(), words.empty() ? std::size_t{0} : words.size() - 1,
                         [](std::size_t sum, const std::string& word) { return sum + length_of(word); });
}

/// Cuts a sentence into groups of words that fit two lines, as equal as words allow.
void cut_sentence(const std::vector<std::string>& sentence, std::size_t line_max, std::vector<std::vector<std::string>>& groups) {
  constexpr std::size_t lines_max = 2;
  const auto fits = [&](const std::vector<std::string>& words) { return fill_lines(words, line_max).size() <= lines_max; };
  const auto total = width_of(sentence);
  const auto parts = (total + lines_max * line_max - 1) / (lines_max * line_max);
  const auto target = total / std::max<std::size_t>(1, parts);
  std::vector<std::string> group;
  for (const auto& word : sentence) {
    auto longer = group;
    longer.push_back(word);
    const bool is_enough = parts > 1 && width_of(group) >= target;
    if (!group.empty() && (is_enough || !fits(longer))) {
      groups.push_back(std::move(group));
      group.clear();
    }
    group.push_back(word);
  }
  if (!group.empty()) groups.push_back(std::move(group));
}

}  // namespace

std::string clean_utf8(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const auto code = take_code_point(text);
    const bool is_control = (code < 0x20 && code != '\n') || (code >= 0x7F && code < 0xA0);
    const bool is_hidden = code == 0xFEFF || (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
    if (code == '\r' && !text.empty() && text.front() == '\n') continue;
    if (is_hidden) continue;
    if (code == '\r' || code == 0x2028 || code == 0x2029) {
      clean.push_back('\n');
    } else {
      append_utf8(clean, is_control || code == 0xA0 ? U' ' : code);
    }
  }
  return clean;
}

std::size_t length_of(std::string_view utf8) {
  return static_cast<std::size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) { return !is_continuation(c); }));
}

std::vector<std::string> wrap(std::string_view utf8, std::size_t line_max) {
  std::vector<std::string> lines;
  for (const auto& paragraph : split_lines(utf8))
    for (auto& line : balance(split_words(paragraph, line_max), line_max)) lines.push_back(std::move(line));
  return lines;
}

std::vector<caption> make_captions(std::string_view utf8, std::size_t line_max, duration length) {
  std::vector<std::vector<std::string>> groups;
  for (const auto& sentence : split_sentences(split_words(utf8, line_max))) {
    // Short sentences share a caption if one line holds them both.
    const bool joins = !groups.empty() && width_of(groups.back()) + 1 + width_of(sentence) <= line_max;
    if (joins) {
      groups.back().insert(groups.back().end(), sentence.begin(), sentence.end());
    } else {
      cut_sentence(sentence, line_max, groups);
    }
  }
  // A pause after a sentence is about as long as six letters.
  constexpr std::uint64_t pause_letters = 6;
  const auto weight_of = [](const std::vector<std::string>& group) {
    return width_of(group) + 1 + (ends_sentence(group.back()) ? pause_letters : 0);
  };
  std::uint64_t total = 0;
  for (const auto& group : groups) total += weight_of(group);
  const auto time_at = [&](std::uint64_t weight) {
    return duration{static_cast<std::int64_t>(static_cast<double>(length.count()) * static_cast<double>(weight)
                                              / static_cast<double>(total))};
  };
  std::vector<caption> captions;
  std::uint64_t sum = 0;
  for (const auto& group : groups) {
    const auto from = time_at(sum);
    sum += weight_of(group);
    captions.push_back({balance(group, line_max), from, sum == total ? length : time_at(sum)});
  }
  return captions;
}

namespace {

/// Latin letters with signs, U+00C0 to U+017F, as English readers would type them. '?' is for signs without a sound.
const char* without_accent(char32_t code) {
  static constexpr std::array<const char*, 0x180 - 0xC0> table{
      "A", "A", "A", "A", "A",  "A",  "AE", "C", "E",  "E",  "E", "E", "I", "I", "I",  "I",  "D",  "N", "O",  "O", "O", "O",
      "O", " ", "O", "U", "U",  "U",  "U",  "Y", "Th", "ss", "a", "a", "a", "a", "a",  "a",  "ae", "c", "e",  "e", "e", "e",
      "i", "i", "i", "i", "d",  "n",  "o",  "o", "o",  "o",  "o", " ", "o", "u", "u",  "u",  "u",  "y", "th", "y", "A", "a",
      "A", "a", "A", "a", "C",  "c",  "C",  "c", "C",  "c",  "C", "c", "D", "d", "D",  "d",  "E",  "e", "E",  "e", "E", "e",
      "E", "e", "E", "e", "G",  "g",  "G",  "g", "G",  "g",  "G", "g", "H", "h", "H",  "h",  "I",  "i", "I",  "i", "I", "i",
      "I", "i", "I", "i", "IJ", "ij", "J",  "j", "K",  "k",  "k", "L", "l", "L", "l",  "L",  "l",  "L", "l",  "L", "l", "N",
      "n", "N", "n", "N", "n",  "n",  "N",  "n", "O",  "o",  "O", "o", "O", "o", "OE", "oe", "R",  "r", "R",  "r", "R", "r",
      "S", "s", "S", "s", "S",  "s",  "S",  "s", "T",  "t",  "T", "t", "T", "t", "U",  "u",  "U",  "u", "U",  "u", "U", "u",
      "U", "u", "U", "u", "W",  "w",  "Y",  "y", "Y",  "Z",  "z", "Z", "z", "Z", "z",  "s"};
  return table[code - 0xC0];
}

/// The plain form of a sign, or null where English has none.
const char* plain_sign(char32_t code) {
  switch (code) {
    case 0x2018:
    case 0x2019:
    case 0x02BC:
    case 0x2032: return "'";
    case 0x201C:
    case 0x201D:
    case 0x201E:
    case 0xAB:
    case 0xBB: return "\"";
    case 0x2010:
    case 0x2011: return "-";
    case 0x2012:
    case 0x2013:
    case 0x2014:
    case 0x2015: return ", ";
    case 0x2026: return "...";
    case 0x20AC: return " euro ";
    case 0xA3: return " pounds ";
    case 0xA9: return " copyright ";
    case 0xB0: return " degrees ";
    case 0xB1: return " plus or minus ";
    case 0xD7: return " times ";
    case 0xB7:
    case 0x2022:
    case 0xA0:
    case 0x2009:
    case 0x202F:
    case 0xAD:
    case 0x200B:
    case 0xFE0F: return " ";
    default: return nullptr;
  }
}

/// The voice's tokenizer meets ordinary words only: longer runs are cut.
constexpr std::size_t spoken_word_max = 40;
/// Long sentences are spoken in parts, so that progress is seen and memory stays small.
constexpr std::size_t spoken_piece_max = 300;

bool has_sound(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x80 && std::isalnum(c); });
}

}  // namespace

spoken_text make_speakable(std::string_view text) {
  spoken_text out;
  std::string ascii;
  while (!text.empty()) {
    const auto code = take_code_point(text);
    if (code < 0x80) {
      ascii.push_back(code < 0x20 || code == 0x7F ? ' ' : static_cast<char>(code));
    } else if (code == 0xD7 || code == 0xF7 || code < 0xC0 || code >= 0x180) {
      const char* plain = plain_sign(code);
      ascii += plain ? plain : " ";
      if (!plain) ++out.left_out;
    } else {
      ascii += without_accent(code);
    }
  }
  for (const auto& sentence : split_sentences(split_words(ascii, spoken_word_max))) {
    for (auto& piece : fill_lines(sentence, spoken_piece_max))
      if (has_sound(piece)) out.pieces.push_back(std::move(piece));
  }
  return out;
}

}  // namespace troupe::media::detail
