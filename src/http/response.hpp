#pragma once

#include "base/error.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::http {

/// An answer. `body` is sent with its length, unless `sent` says that the endpoint has streamed everything itself.
struct response {
  int status = 200;
  std::string_view content_type;                                  ///< of static storage; empty: see `headers`, or none
  std::vector<std::pair<std::string_view, std::string>> headers;  ///< names are of static storage
  std::string body;
  bool sent = false;

  response& with(std::string_view name, std::string value) {
    headers.emplace_back(name, std::move(value));
    return *this;
  }
};

/// An RFC 9457 problem document, with `Retry-After` where the status calls for one.
[[nodiscard]] response problem(const error& why);
/// The same with a status that no `errc` has (405, 415, 421, ...). `code` is its name for programs.
[[nodiscard]] response problem(int status, std::string_view code, std::string_view detail);

/// How the length of a body is told.
enum class framing : std::uint8_t { length, chunked, until_close };

struct head_options {
  framing how = framing::length;
  std::uint64_t length = 0;
  bool keep_alive = true;
  bool say_keep_alive = false;  ///< HTTP/1.0 clients must be told
  std::string_view date;
};
/// Appends status line and headers, with the empty line.
void write_head(std::string& out, const response& answer, const head_options& options);

}  // namespace troupe::http
