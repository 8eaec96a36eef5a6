#include "http/endpoints/endpoints.hpp"
#include "http/peer_links.hpp"

#include <algorithm>

namespace troupe::http::endpoints {
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

response upgrade_required() {
  auto out = problem(426, "upgrade_required", "nodes link here; it takes a WebSocket, version 13 (RFC 6455)");
  out.with("Upgrade", "websocket").with("Sec-WebSocket-Version", "13");
  return out;
}

}  // namespace

awaitable<response> peer_link(exchange& x) {
  auto* links = x.app().with.links;
  if (!links) co_return problem(error{errc::not_found, "this node has no links to others"});
  const bool is_upgrade = x.in.verb == method::get && lists(x.in.header_or_empty("Connection"), "upgrade")
                          && lists(x.in.header_or_empty("Upgrade"), "websocket")
                          && x.in.header_or_empty("Sec-WebSocket-Version") == "13";
  if (!is_upgrade) co_return upgrade_required();
  std::string key{x.in.header_or_empty("Sec-WebSocket-Key")};
  if (!is_key(key) || x.has_body())
    co_return problem(error{errc::bad_request, "a WebSocket begins with a key and without a body"});
  auto taken = co_await x.take_connection();
  if (!taken) co_return problem(error{errc::internal, "the connection cannot be taken over"});
  links->adopt(std::move(taken->socket), std::move(taken->tls), std::move(key), std::move(taken->unread));
  response out;
  out.status = 101;
  out.sent = true;
  co_return out;
}

}  // namespace troupe::http::endpoints
