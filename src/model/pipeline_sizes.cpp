#include "model/pipeline_sizes.hpp"

#include <array>
#include <charconv>

namespace troupe::model::detail {

namespace {
constexpr std::array<std::pair<std::string_view, std::uint64_t>, 5> units{{{"TiB", std::uint64_t{1} << 40},
                                                                           {"GiB", std::uint64_t{1} << 30},
                                                                           {"MiB", std::uint64_t{1} << 20},
                                                                           {"KiB", std::uint64_t{1} << 10},
                                                                           {"B", 1}}};
}

std::optional<bytes> size_from(std::string_view text) noexcept {
  std::uint64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, failure] = std::from_chars(text.data(), end, count);
  if (failure != std::errc{}) return std::nullopt;
  const std::string_view unit{stopped, static_cast<std::size_t>(end - stopped)};
  for (const auto& [name, factor] : units) {
    if (unit != name) continue;
    std::uint64_t total = 0;
    if (__builtin_mul_overflow(count, factor, &total)) return std::nullopt;
    return bytes{total};
  }
  return std::nullopt;
}

}  // namespace troupe::model::detail
