#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <initializer_list>
#include <string>
#include <string_view>

// What a server answered, looked at without believing that it has a form.
namespace troupe::fleet::detail {

/// Goes down along names. @returns null where there is nothing.
[[nodiscard]] inline const boost::json::value* look(const boost::json::object& from,
                                                    std::initializer_list<std::string_view> names) {
  const boost::json::object* at = &from;
  const boost::json::value* found = nullptr;
  for (const auto name : names) {
    if (!at) return nullptr;
    found = at->if_contains(name);
    if (!found) return nullptr;
    at = found->if_object();
  }
  return found;
}

[[nodiscard]] inline std::string text_in(const boost::json::object& from, std::initializer_list<std::string_view> names) {
  const auto* const found = look(from, names);
  const auto* const text = found ? found->if_string() : nullptr;
  return text ? std::string{*text} : std::string{};
}

[[nodiscard]] inline int number_in(const boost::json::object& from, std::initializer_list<std::string_view> names) {
  const auto* const found = look(from, names);
  const auto* const number = found ? found->if_int64() : nullptr;
  return number && *number >= 0 && *number <= 1'000'000'000 ? static_cast<int>(*number) : 0;
}

[[nodiscard]] inline const boost::json::array& list_in(const boost::json::object& from,
                                                       std::initializer_list<std::string_view> names) {
  static const boost::json::array none;
  const auto* const found = look(from, names);
  const auto* const list = found ? found->if_array() : nullptr;
  return list ? *list : none;
}

}  // namespace troupe::fleet::detail
