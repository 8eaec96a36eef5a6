#pragma once

#include "base/error.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace troupe::http {

/// The boundary of a multipart/form-data Content-Type (RFC 2046: 1 to 70 characters). @returns `errc::bad_request`.
[[nodiscard]] result<std::string> boundary_of(std::string_view content_type);

/// Takes a form apart while it arrives (RFC 7578). Feed it pieces; after each, call `next` until it needs more. It holds at
/// most the piece, a part's headers and a boundary.
class multipart_reader {
 public:
  explicit multipart_reader(std::string_view boundary);

  /// What stands in a part's headers.
  struct part {
    std::string name;
    std::optional<std::string> filename;  ///< present: a file
    std::string content_type;
  };
  enum class kind : std::uint8_t { need_more, part_begin, data, part_end, end };
  struct event {
    kind what = kind::need_more;
    part begin;             ///< of `part_begin`
    std::string_view data;  ///< of `data`; valid until the next call
  };

  void feed(std::string_view piece);
  /// @returns `errc::bad_request` for what is no form; after it the reader is of no use.
  [[nodiscard]] result<event> next();

  static constexpr std::size_t headers_most = 8 * 1024;
  static constexpr std::size_t preamble_most = 8 * 1024;

 private:
  enum class state : std::uint8_t { preamble, after_delimiter, headers, body, done };
  [[nodiscard]] std::string_view rest() const { return std::string_view{buffer_}.substr(at_); }
  result<event> skip_preamble();
  result<event> read_delimiter_end();
  result<event> read_headers();
  event read_body();

  std::string delimiter_;  ///< "\r\n--boundary"
  std::string buffer_;
  std::size_t at_ = 0;
  std::size_t preamble_ = 0;
  state state_ = state::preamble;
};

}  // namespace troupe::http
