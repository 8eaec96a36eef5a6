#include "cli/units_text.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

namespace troupe::cli {
namespace {

struct unit {
  std::string_view name;
  double factor;
};

constexpr std::array duration_units{unit{"ms", 1},     unit{"s", 1'000},     unit{"min", 60'000},
                                    unit{"m", 60'000}, unit{"h", 3'600'000}, unit{"d", 86'400'000}};
constexpr double duration_most_ms = 1'000.0 * 86'400'000;

constexpr std::array size_units{unit{"", 1},
                                unit{"B", 1},
                                unit{"KiB", 1024.0},
                                unit{"MiB", 1048576.0},
                                unit{"GiB", 1073741824.0},
                                unit{"TiB", 1099511627776.0},
                                unit{"KB", 1e3},
                                unit{"MB", 1e6},
                                unit{"GB", 1e9},
                                unit{"TB", 1e12}};
constexpr double size_most = 1e15;  // doubles count exactly up to 9e15

template <std::size_t N>
std::optional<double> scaled(std::string_view text, const std::array<unit, N>& units) {
  double number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (failed != std::errc{} || !std::isfinite(number) || number < 0) return std::nullopt;
  auto name = text.substr(static_cast<std::size_t>(end - text.data()));
  if (name.starts_with(' ')) name.remove_prefix(1);
  for (const auto& candidate : units) {
    if (candidate.name == name) return number * candidate.factor;
  }
  return std::nullopt;
}

}  // namespace

result<duration> parse_duration(std::string_view text) {
  const auto ms = scaled(text, duration_units);
  if (!ms && text == "0") return duration{0};
  if (!ms)
    return error{errc::bad_request,
                 fmt::format("'{}' is not a duration; write a number and a unit, like 250ms, 30s, 10min, 24h, 14d", text)};
  if (*ms > duration_most_ms) return error{errc::bad_request, fmt::format("'{}' is too long; the most is 1000d", text)};
  return duration{static_cast<std::int64_t>(std::llround(*ms))};
}

std::string format_duration(duration value) {
  constexpr std::array<std::pair<std::int64_t, std::string_view>, 4> steps{
      {{86'400'000, "d"}, {3'600'000, "h"}, {60'000, "min"}, {1'000, "s"}}};
  const auto ms = value.count();
  for (const auto& [size, name] : steps) {
    const bool many_enough = name != "d" || ms > size;  // one day is 24h
    if (ms != 0 && ms % size == 0 && many_enough) return fmt::format("{}{}", ms / size, name);
  }
  return ms == 0 ? "0s" : fmt::format("{}ms", ms);
}

result<bytes> parse_size(std::string_view text) {
  const auto size = scaled(text, size_units);
  if (!size)
    return error{errc::bad_request,
                 fmt::format("'{}' is not a size; write a number and a unit, like 512B, 64KiB, 1MiB, 4GiB", text)};
  if (*size > size_most) return error{errc::bad_request, fmt::format("'{}' is too large; the most is 1000TB", text)};
  return bytes{static_cast<std::uint64_t>(std::llround(*size))};
}

std::string clock_text(duration value) {
  const auto seconds = (value.count() + 500) / 1000;
  if (seconds >= 3600) return fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  return fmt::format("{}:{:02}", seconds / 60, seconds % 60);
}

}  // namespace troupe::cli
