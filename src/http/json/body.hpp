#pragma once

#include "base/error.hpp"

#include <boost/json/object.hpp>

#include <string_view>

namespace troupe::http::json {

/// A request's body that must be a JSON object.
/// @returns `errc::bad_request` saying why it is none
[[nodiscard]] result<boost::json::object> parse_object(std::string_view text);

}  // namespace troupe::http::json
