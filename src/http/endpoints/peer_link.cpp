#include "http/endpoints/endpoints.hpp"
#include "http/peer_links.hpp"
#include "http/websocket_upgrade.hpp"

namespace troupe::http::endpoints {

awaitable<response> peer_link(exchange& x) {
  auto* links = x.app().with.links;
  if (!links) co_return problem(error{errc::not_found, "this node has no links to others"});
  if (auto refused = refuse_no_websocket(x)) co_return std::move(*refused);
  std::string key{x.in.header_or_empty("Sec-WebSocket-Key")};
  auto taken = co_await x.take_connection();
  if (!taken) co_return problem(error{errc::internal, "the connection cannot be taken over"});
  links->adopt(std::move(taken->socket), std::move(taken->tls), std::move(key), std::move(taken->unread));
  co_return upgraded();
}

}  // namespace troupe::http::endpoints
