#include "model/pipeline_durations.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace troupe::model::detail {

namespace {
constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> units{
    {{"h", 3'600'000}, {"min", 60'000}, {"s", 1'000}, {"ms", 1}}};
}

std::optional<duration> duration_from(std::string_view text) noexcept {
  std::int64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, failure] = std::from_chars(text.data(), end, count);
  if (failure != std::errc{} || count < 0) return std::nullopt;
  const std::string_view unit{stopped, static_cast<std::size_t>(end - stopped)};
  for (const auto& [name, ms] : units) {
    if (unit != name) continue;
    std::int64_t total = 0;
    if (__builtin_mul_overflow(count, ms, &total)) return std::nullopt;
    return duration{total};
  }
  return std::nullopt;
}

std::string duration_text(duration d) {
  for (const auto& [name, ms] : units) {
    if (d.count() != 0 && d.count() % ms == 0) return fmt::format("{}{}", d.count() / ms, name);
  }
  return "0ms";
}

}  // namespace troupe::model::detail
