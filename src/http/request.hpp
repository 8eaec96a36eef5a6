#pragma once

#include "base/error.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::http {

enum class method : std::uint8_t { get, head, post, put, remove, other };

struct header {
  std::string_view name, value;
};

/// What a client asked for, without the body. Headers are views that live as long as the request.
struct request {
  method verb = method::other;
  std::string path;                                        ///< decoded, begins with "/"
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded, in order
  std::vector<header> headers;

  /// The value of the first header with this name (any case), or nullptr.
  [[nodiscard]] const std::string_view* find_header(std::string_view name) const noexcept;
  [[nodiscard]] std::string_view header_or_empty(std::string_view name) const noexcept;
  [[nodiscard]] std::size_t count_headers(std::string_view name) const noexcept;
  /// The value of the first query parameter with this name, or nullptr.
  [[nodiscard]] const std::string* find_query(std::string_view name) const noexcept;
};

/// Reads a request target (origin form, or absolute form with http) into path and query.
/// @returns `errc::bad_request` for anything else.
[[nodiscard]] result<void> read_target(std::string_view target, request& into);

/// @returns `errc::bad_request` naming the first query parameter that is not among the known ones.
[[nodiscard]] result<void> allow_query(const request& in, std::initializer_list<std::string_view> known);

[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;
/// A non-negative decimal number without sign or spaces.
[[nodiscard]] std::optional<std::uint64_t> to_number(std::string_view text) noexcept;
[[nodiscard]] std::string lower(std::string_view text);

}  // namespace troupe::http
