#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <string>

namespace troupe::model {

namespace json = boost::json;

/// Whether JSON has a text for it: no infinite number, as a reader makes of 1e400, and none that is none.
[[nodiscard]] bool has_text(const json::value& value);
[[nodiscard]] bool has_text(const json::object& object);
/// The text of a value that is to be stored or sent, without spaces. Where JSON has none there stands null, so that
/// `from_json_text` reads all that this ever gave.
[[nodiscard]] std::string to_json_text(const json::object& object);
[[nodiscard]] std::string to_json_text(const json::array& list);
/// @param text  of `to_json_text`; anything else ends the program
[[nodiscard]] json::value from_json_text(const std::string& text);

}  // namespace troupe::model
