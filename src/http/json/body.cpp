#include "http/json/body.hpp"

#include <fmt/format.h>
#include <boost/json/stream_parser.hpp>

namespace troupe::http::json {

namespace bj = boost::json;

result<bj::object> parse_object(std::string_view text) {
  bj::parse_options options;
  options.max_depth = 32;
  boost::system::error_code failure;
  bj::stream_parser parser{{}, options};
  const auto read = parser.write(text.data(), text.size(), failure);
  if (!failure) parser.finish(failure);
  if (failure) return error{errc::bad_request, fmt::format("the body is not JSON: {} near byte {}", failure.message(), read)};
  auto value = parser.release();
  if (!value.is_object()) return error{errc::bad_request, "the body must be a JSON object"};
  return std::move(value.get_object());
}

}  // namespace troupe::http::json
