#pragma once

#include "base/error.hpp"
#include "base/units.hpp"

#include <optional>
#include <string>

namespace troupe::fleet {

struct web_request {
  std::string method = "GET";
  std::string target;  ///< path and query, already encoded
  std::string content_type = {}, body = {};
  std::string bearer = {};  ///< a secret that says who asks; "": nobody in particular
};

struct web_answer {
  int status = 0;
  std::string body;
  std::optional<duration> retry_after = {};
};

/// HTTP exchanges with one server, one at a time, over TLS where its address says so. Calls block, each for a bounded time.
class web {
 public:
  virtual ~web() = default;
  /// @returns whatever the server answered; `errc::timed_out`, `errc::io_failed` without an answer, `errc::stopping`.
  [[nodiscard]] virtual result<web_answer> exchange(const web_request& request) = 0;
  /// Waits. @returns false when it was not to the end, for the node stops.
  [[nodiscard]] virtual bool pause(duration time) = 0;
};

/// Percent-encodes one path segment or query value.
[[nodiscard]] std::string encode_part(std::string_view text);

}  // namespace troupe::fleet
