#include "cli/suggest.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

namespace troupe::cli {
namespace {

/// Edit distance of Levenshtein; one row in memory.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

constexpr std::size_t compared_most = 64;  // longer names are no slips
constexpr std::size_t listed_most = 12;

}  // namespace

std::string hint_for(std::string_view given, const std::vector<std::string>& known) {
  if (known.empty()) return "there are none";
  const std::string* best = nullptr;
  std::size_t best_distance = given.size() / 3 + 2;
  for (const auto& candidate : known) {
    if (given.size() > compared_most || candidate.size() > compared_most) continue;
    const auto found = distance(given, candidate);
    if (found < best_distance) best = &candidate, best_distance = found;
  }
  if (best) return fmt::format("did you mean '{}'?", *best);
  const auto count = std::min(known.size(), listed_most);
  const bool cut = count < known.size();
  return fmt::format("known: {}{}", fmt::join(known.begin(), known.begin() + static_cast<std::ptrdiff_t>(count), ", "),
                     cut ? ", ..." : "");
}

}  // namespace troupe::cli
