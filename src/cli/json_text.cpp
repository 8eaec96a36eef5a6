#include "cli/json_text.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace troupe::cli {

std::string text_at(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  const auto* text = value ? value->if_string() : nullptr;
  return text ? std::string{text->data(), text->size()} : std::string{};
}

std::optional<std::int64_t> number_at(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  if (!value) return std::nullopt;
  if (const auto* whole = value->if_int64()) return *whole;
  if (const auto* real = value->if_double(); real && std::abs(*real) < 9e15) return std::llround(*real);
  return std::nullopt;
}

std::uint64_t count_at(const json::object& object, std::string_view key) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, number_at(object, key).value_or(0)));
}

bool flag_at(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value && value->is_bool() && value->get_bool();
}

const json::object* object_at(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value ? value->if_object() : nullptr;
}

const json::array* array_at(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value ? value->if_array() : nullptr;
}

std::optional<timestamp> time_at(const json::object& object, std::string_view key) {
  const auto text = text_at(object, key);
  constexpr std::string_view form = "0000-00-00T00:00:00.000Z";
  if (text.size() != form.size()) return std::nullopt;
  for (std::size_t i = 0; i < form.size(); ++i) {
    const bool is_digit = text[i] >= '0' && text[i] <= '9';
    if (form[i] == '0' ? !is_digit : text[i] != form[i]) return std::nullopt;
  }
  const auto part = [&](std::size_t at, std::size_t count) { return std::stoi(text.substr(at, count)); };
  const std::chrono::year_month_day day{std::chrono::year{part(0, 4)}, std::chrono::month{static_cast<unsigned>(part(5, 2))},
                                        std::chrono::day{static_cast<unsigned>(part(8, 2))}};
  if (!day.ok()) return std::nullopt;
  const auto at = std::chrono::sys_days{day}.time_since_epoch() + std::chrono::hours{part(11, 2)}
                  + std::chrono::minutes{part(14, 2)} + std::chrono::seconds{part(17, 2)}
                  + std::chrono::milliseconds{part(20, 3)};
  return from_unix_ms(std::chrono::duration_cast<std::chrono::milliseconds>(at).count());
}

std::string plain_text(const json::value& value) {
  if (const auto* text = value.if_string()) return {text->data(), text->size()};
  return json::serialize(value);
}

}  // namespace troupe::cli
