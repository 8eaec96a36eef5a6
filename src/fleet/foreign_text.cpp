#include "fleet/foreign_text.hpp"

#include "base/utf8.hpp"

namespace troupe::fleet {

std::string foreign_text(std::string_view text, std::size_t bytes_most) {
  constexpr std::size_t rest_of_character = 3;
  auto shown = valid_utf8(text.substr(0, bytes_most + rest_of_character));
  const auto at = [&](std::size_t i) { return i < shown.size() ? static_cast<unsigned char>(shown[i]) : 0u; };
  auto end = bytes_most;
  while (end > 0 && (at(end) & 0xc0) == 0x80) --end;
  if (end < shown.size()) shown.resize(end);
  for (std::size_t i = 0; i < shown.size(); ++i) {
    if (at(i) < 0x20 || at(i) == 0x7f) shown[i] = ' ';
    if (at(i) == 0xc2 && at(i + 1) < 0xa0) shown[i] = shown[i + 1] = ' ';  // U+0080 to U+009F
  }
  return shown;
}

}  // namespace troupe::fleet
