#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::cli {

/// One event of a server-sent event stream.
struct sse_event {
  std::optional<std::string> id;  ///< only if this event carried one
  std::string type = "message";
  std::string data;
  friend bool operator==(const sse_event&, const sse_event&) = default;
};

/// Reads `text/event-stream` in pieces (WHATWG HTML 9.2.6). Comments and unknown fields are skipped; an event that a lost
/// connection cut off is dropped with the parser.
class sse_parser {
 public:
  /// @param event_bytes_most  an event longer than this is refused: a stream from something that is not a node must not fill the
  /// memory.
  explicit sse_parser(std::function<void(const sse_event&)> on_event, std::size_t event_bytes_most = 4u << 20);
  /// @returns false when an event is too long; the stream is useless then.
  [[nodiscard]] bool feed(std::string_view data);

 private:
  void line_ended();
  void dispatch();

  std::function<void(const sse_event&)> on_event_;
  std::size_t event_bytes_most_;
  std::string line_;
  sse_event event_;
  bool has_data_ = false;
  bool after_return_ = false;  // a '\n' right after '\r' belongs to the same line end
  bool at_start_ = true;
};

}  // namespace troupe::cli
