#include "model/pipeline_names.hpp"

#include "model/pipeline_limits.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

namespace troupe::model::detail {

bool is_name(std::string_view text) noexcept {
  if (text.empty() || text.size() > limits::name_bytes || text[0] < 'a' || text[0] > 'z') return false;
  return std::ranges::all_of(text,
                             [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; });
}

namespace {

/// Edits (insert, delete, replace, swap two neighbours) between two texts; both are short.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), row(b.size() + 1), next(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    next[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      next[j] = std::min({row[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1), row[j] + 1, next[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) next[j] = std::min(next[j], before[j - 2] + 1);
    }
    std::swap(before, row);
    std::swap(row, next);
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

std::string in_quotes(std::string_view text) {
  constexpr std::size_t shown = 60;
  std::string out = "'";
  std::size_t end = std::min(text.size(), shown);
  while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  for (const char c : text.substr(0, end)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
  if (end < text.size()) out += "...";
  return out + "'";
}

}  // namespace troupe::model::detail
