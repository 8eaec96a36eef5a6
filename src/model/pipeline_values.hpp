#pragma once

#include "model/pipeline.hpp"

#include <string>
#include <string_view>

// Whether a value fits its declaration: one judge for inputs, parameters and outputs.
namespace troupe::model::detail {

/// What may be made of a value that has another type than declared. Exact changes of representation (5.0 for 5) are always made.
enum class conversion : std::uint8_t {
  none,
  from_text,  ///< "5" for an integer: forms have only texts
  to_text     ///< 5 for a text: a reference to a number gives its digits
};

/// The value in the declared type, within its bounds.
/// @returns `errc::bad_request` with "must be X, not Y" and perhaps "; hint". The caller puts the name in front.
[[nodiscard]] result<json::value> fit(const value_spec& spec, const json::value& value, conversion allowed);

/// "an integer from 1 to 60", "one of slt, kal", "a list of 1 to 200 videos".
[[nodiscard]] std::string accepted(const value_spec& spec);
/// "the number 5", "the text 'abc'", "a list of 3".
[[nodiscard]] std::string describe(const json::value& value);

struct declared_type {
  value_type type = value_type::text;
  bool list = false;
};
/// Reads "image" or "list of image".
[[nodiscard]] std::optional<declared_type> type_from(std::string_view text);
[[nodiscard]] std::string type_text(const value_spec& spec);
[[nodiscard]] std::vector<std::string_view> type_names();

/// Whether a value of the first type may stand for one of the second.
[[nodiscard]] bool is_assignable(value_type from, value_type to) noexcept;

}  // namespace troupe::model::detail
