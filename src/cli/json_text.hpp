#pragma once

#include "base/units.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Reading JSON that a node sent: an absent or oddly typed member is a default, never a crash.
namespace troupe::cli {

namespace json = boost::json;

[[nodiscard]] std::string text_at(const json::object& object, std::string_view key);
[[nodiscard]] std::optional<std::int64_t> number_at(const json::object& object, std::string_view key);
[[nodiscard]] std::uint64_t count_at(const json::object& object, std::string_view key);  ///< 0 if absent or negative
[[nodiscard]] bool flag_at(const json::object& object, std::string_view key);
[[nodiscard]] const json::object* object_at(const json::object& object, std::string_view key);
[[nodiscard]] const json::array* array_at(const json::object& object, std::string_view key);
/// "2026-01-01T00:00:00.000Z", in UTC; nothing: it is not there, or not such a text.
[[nodiscard]] std::optional<timestamp> time_at(const json::object& object, std::string_view key);
/// A value for people: text without quotes, everything else as JSON.
[[nodiscard]] std::string plain_text(const json::value& value);

}  // namespace troupe::cli
