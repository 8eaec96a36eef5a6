#include "http/websocket_upgrade.hpp"

#include <algorithm>

namespace troupe::http {
namespace {

/// Whether a header is a list that has this element (RFC 9110, 5.6.1).
bool lists(std::string_view header, std::string_view element) {
  while (!header.empty()) {
    const auto comma = std::min(header.find(','), header.size());
    if (equals_ignoring_case(trim(header.substr(0, comma)), element)) return true;
    header.remove_prefix(std::min(comma + 1, header.size()));
  }
  return false;
}

/// RFC 6455, 4.1: 16 bytes in base64.
bool is_key(std::string_view key) {
  const auto is_base64 = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
  };
  return key.size() == 24 && key.ends_with("==") && std::ranges::all_of(key.substr(0, 22), is_base64);
}

}  // namespace

std::optional<response> refuse_no_websocket(const exchange& x) {
  const bool is_upgrade = x.in.verb == method::get && lists(x.in.header_or_empty("Connection"), "upgrade")
                          && lists(x.in.header_or_empty("Upgrade"), "websocket")
                          && x.in.header_or_empty("Sec-WebSocket-Version") == "13";
  if (!is_upgrade) {
    auto out = problem(426, "upgrade_required", "this takes a WebSocket, version 13 (RFC 6455)");
    out.with("Upgrade", "websocket").with("Sec-WebSocket-Version", "13");
    return out;
  }
  if (is_key(x.in.header_or_empty("Sec-WebSocket-Key")) && !x.has_body()) return std::nullopt;
  return problem(error{errc::bad_request, "a WebSocket begins with a key and without a body"});
}

response upgraded() {
  response out;
  out.status = 101;
  out.sent = true;
  return out;
}

}  // namespace troupe::http
