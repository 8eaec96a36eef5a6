#include "http/endpoints/endpoints.hpp"
#include "http/inspection/inspection.hpp"
#include "http/websocket_upgrade.hpp"

#include <algorithm>
#include <atomic>
#include <memory>

// The actors of all nodes, for operators.
namespace troupe::http::endpoints {
namespace {

/// `open` is a list with commas.
result<inspection::watch> watch_of(const request& in) {
  TROUPE_CHECK(allow_query(in, {"open", "most"}));
  inspection::watch wanted;
  if (const auto* const open = in.find_query("open")) {
    for (std::string_view rest{*open}; !rest.empty();) {
      const auto comma = std::min(rest.find(','), rest.size());
      if (comma > 0) wanted.open.emplace(rest.substr(0, comma));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  if (const auto* const most = in.find_query("most"))
    wanted.most = static_cast<std::uint32_t>(std::min<std::uint64_t>(to_number(*most).value_or(0), inspection::members_most + 1));
  TROUPE_CHECK(inspection::check(wanted));
  return wanted;
}

response too_many() {
  auto out = problem(503, "too_many_viewers", "as many look at this node's actors as it has room for; come back later");
  out.with("Retry-After", "2");
  return out;
}

response nothing_to_see() { return problem(error{errc::not_found, "this node does not show its actors"}); }

}  // namespace

/// No actor is asked, so it answers also when they are stuck.
awaitable<response> list_actors(exchange& x) {
  auto wanted = watch_of(x.in);
  if (!wanted) co_return problem(wanted.error());
  auto* const shows = x.app().with.actors_shown;
  if (!shows) co_return nothing_to_see();
  struct given {
    std::atomic<bool> is_here{false};
    std::string message;
  };
  const auto answer = std::make_shared<given>();
  const bool is_let_in = shows->glance(std::move(*wanted), [answer, wake = x.notifier()](std::string message) {
    answer->message = std::move(message);
    answer->is_here.store(true, std::memory_order_release);
    wake();
  });
  if (!is_let_in) co_return too_many();
  while (!answer->is_here.load(std::memory_order_acquire)) co_await x.wait_for_notify();
  if (answer->message.empty()) co_return problem(error{errc::stopping, "the node is shutting down"});
  response out;
  out.content_type = "application/json";
  out.body = std::move(answer->message);
  co_return out;
}

awaitable<response> inspect(exchange& x) {
  auto* const shows = x.app().with.actors_shown;
  if (!shows) co_return nothing_to_see();
  if (const auto known = allow_query(x.in, {"scope"}); !known) co_return problem(known.error());
  const auto* const scope = x.in.find_query("scope");
  if (scope && *scope != "node") co_return problem(error{errc::bad_request, "`scope` can only be node, of other nodes"});
  if (auto refused = refuse_no_websocket(x)) co_return std::move(*refused);
  if (!shows->has_room(scope != nullptr)) co_return too_many();
  std::string key{x.in.header_or_empty("Sec-WebSocket-Key")};
  auto taken = co_await x.take_connection();
  if (!taken) co_return problem(error{errc::internal, "the connection cannot be taken over"});
  shows->adopt(std::move(taken->socket), std::move(taken->tls), std::move(key), std::move(taken->unread), scope != nullptr);
  co_return upgraded();
}

}  // namespace troupe::http::endpoints
