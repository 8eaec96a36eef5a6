#pragma once

#include "http/certifier.hpp"

#include <string>
#include <string_view>

// What a node that joins and the member that signs for it send each other.
namespace troupe::http::json {

[[nodiscard]] std::string to_json(const certificate_request& asked);
/// @returns `errc::bad_request` saying what is wrong.
[[nodiscard]] result<certificate_request> read_certificate_request(std::string_view text);
[[nodiscard]] std::string to_json(const auth::granted& what);
/// @returns `errc::corrupt` for what no node answers.
[[nodiscard]] result<auth::granted> read_granted(std::string_view text);
/// What a problem document says to people, on one line; something about the status for a text that is none.
[[nodiscard]] std::string detail_of_problem(std::string_view text, int status);

}  // namespace troupe::http::json
