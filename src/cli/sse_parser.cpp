#include "cli/sse_parser.hpp"

namespace troupe::cli {

sse_parser::sse_parser(std::function<void(const sse_event&)> on_event, std::size_t event_bytes_most)
    : on_event_(std::move(on_event)), event_bytes_most_(event_bytes_most) {}

bool sse_parser::feed(std::string_view data) {
  for (const char c : data) {
    const bool rest_of_line_end = c == '\n' && after_return_;
    after_return_ = c == '\r';
    if (rest_of_line_end) continue;
    if (c == '\n' || c == '\r') {
      line_ended();
      continue;
    }
    if (line_.size() + event_.data.size() >= event_bytes_most_) return false;
    line_ += c;
  }
  return true;
}

void sse_parser::line_ended() {
  std::string line;
  line.swap(line_);
  if (at_start_ && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
  at_start_ = false;
  if (line.empty()) return dispatch();
  if (line.front() == ':') return;
  const auto colon = line.find(':');
  const auto field = std::string_view{line}.substr(0, colon);
  auto value = colon == std::string::npos ? std::string_view{} : std::string_view{line}.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  } else if (field == "event") {
    event_.type = value;
  } else if (field == "id" && value.find('\0') == std::string_view::npos) {
    event_.id = std::string{value};
  }
}

void sse_parser::dispatch() {
  if (has_data_) {
    if (event_.type.empty()) event_.type = "message";
    on_event_(event_);
  }
  event_ = {};
  has_data_ = false;
}

}  // namespace troupe::cli
