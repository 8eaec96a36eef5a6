#include "model/pipeline_names.hpp"

#include "model/pipeline_limits.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <numeric>

namespace troupe::model::detail {

bool is_name(std::string_view text) noexcept {
  if (text.empty() || text.size() > limits::name_bytes || text[0] < 'a' || text[0] > 'z') return false;
  return std::ranges::all_of(text,
                             [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; });
}

bool is_reserved(std::string_view text) noexcept {
  static constexpr std::array<std::string_view, 12> words{"inputs", "stages", "item",  "index", "and",     "or",
                                                          "not",    "true",   "false", "null",  "skipped", "round"};
  return std::ranges::find(words, text) != words.end();
}

namespace {

/// Edits (insert, delete, replace) between two texts; both are short.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string_view nearest(std::string_view given, const std::vector<std::string_view>& candidates) {
  if (given.empty() || given.size() > 2 * limits::name_bytes) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, given.size() / 3) + 1;
  for (const auto candidate : candidates) {
    if (const auto d = distance(given, candidate); d < best_distance && d < candidate.size()) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

std::string hint_for(std::string_view given, const std::vector<std::string_view>& candidates, std::string_view things) {
  if (const auto name = nearest(given, candidates); !name.empty()) return fmt::format("did you mean '{}'?", name);
  if (candidates.empty()) return fmt::format("there are no {}", things);
  constexpr std::size_t shown = 20;
  const auto end = candidates.begin() + static_cast<std::ptrdiff_t>(std::min(candidates.size(), shown));
  return fmt::format("known {}: {}{}", things, fmt::join(candidates.begin(), end, ", "),
                     candidates.size() > shown ? ", ..." : "");
}

std::string quoted(std::string_view text) {
  constexpr std::size_t shown = 60;
  std::string out = "'";
  std::size_t end = std::min(text.size(), shown);
  while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  for (const char c : text.substr(0, end)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
  if (end < text.size()) out += "...";
  return out + "'";
}

bool is_utf8(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[i + k]); };
    const unsigned char lead = byte(0);
    const std::size_t length = lead < 0x80                   ? 1
                               : lead >= 0xC2 && lead < 0xE0 ? 2
                               : (lead & 0xF0) == 0xE0       ? 3
                               : lead >= 0xF0 && lead < 0xF5 ? 4
                                                             : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(k) & 0xC0) != 0x80) return false;
    }
    if (length > 2) {
      const unsigned char next = byte(1);
      if ((lead == 0xE0 && next < 0xA0) || (lead == 0xED && next > 0x9F) || (lead == 0xF0 && next < 0x90)
          || (lead == 0xF4 && next > 0x8F))
        return false;
    }
    i += length;
  }
  return true;
}

}  // namespace troupe::model::detail
