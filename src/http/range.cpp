#include "http/range.hpp"

#include "http/request.hpp"

#include <algorithm>
#include <limits>

namespace troupe::http {
namespace {

/// Digits of any number; what does not fit is as good as infinite. Nothing if there is another character or none at all.
std::optional<std::uint64_t> position(std::string_view digits) noexcept {
  if (digits.empty() || !std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  return to_number(digits).value_or(std::numeric_limits<std::uint64_t>::max());
}

}  // namespace

range_choice choose_range(std::string_view header, std::uint64_t size) noexcept {
  using kind = range_choice::kind;
  constexpr std::string_view unit = "bytes=";
  constexpr range_choice whole{};
  if (header.size() < unit.size() || !equals_ignoring_case(header.substr(0, unit.size()), unit)) return whole;
  const auto spec = trim(header.substr(unit.size()));
  const auto dash = spec.find('-');
  if (dash == std::string_view::npos || spec.find(',') != std::string_view::npos) return whole;
  const auto from = spec.substr(0, dash);
  const auto to = spec.substr(dash + 1);
  if (from.empty()) {
    const auto suffix = position(to);
    if (!suffix) return whole;
    if (*suffix == 0) return {kind::unsatisfiable};
    if (size == 0) return whole;
    return {kind::part, size - std::min(size, *suffix), size - 1};
  }
  const auto first = position(from);
  if (!first) return whole;
  if (to.empty()) return *first < size ? range_choice{kind::part, *first, size - 1} : range_choice{kind::unsatisfiable};
  const auto last = position(to);
  if (!last || *last < *first) return whole;
  if (*first >= size) return {kind::unsatisfiable};
  return {kind::part, *first, std::min(*last, size - 1)};
}

}  // namespace troupe::http
