#include "base/size_text.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

namespace troupe {

std::string format_size(bytes value) {
  constexpr std::array<std::pair<int, std::string_view>, 4> steps{{{40, "TiB"}, {30, "GiB"}, {20, "MiB"}, {10, "KiB"}}};
  const auto count = value.count();
  for (const auto& [shift, name] : steps) {
    const std::uint64_t size = std::uint64_t{1} << shift;
    if (count != 0 && count % size == 0) return fmt::format("{}{}", count / size, name);
  }
  return fmt::format("{}B", count);
}

std::string rough_size(bytes value) {
  constexpr std::array<std::string_view, 5> names{"B", "KiB", "MiB", "GiB", "TiB"};
  auto number = static_cast<double>(value.count());
  std::size_t step = 0;
  while (number >= 1024 && step + 1 < names.size()) number /= 1024, ++step;
  return step == 0 ? fmt::format("{} B", value.count()) : fmt::format("{:.1f} {}", number, names[step]);
}

}  // namespace troupe
