#include "http/endpoints/endpoints.hpp"
#include "http/inspection/inspection.hpp"
#include "http/json/inspection.hpp"
#include "http/websocket_upgrade.hpp"

#include <atomic>
#include <memory>

// The actors of all nodes, for operators.
namespace troupe::http::endpoints {
namespace {

/// `open` is a list with commas.
result<inspection::watch> watch_of(const request& in) {
  TROUPE_CHECK(allow_query(in, {"open", "most"}));
  std::string text = "{\"open\":[";
  if (const auto* const open = in.find_query("open"); open && !open->empty()) {
    if (open->find_first_of("\"\\") != std::string::npos)
      return error{errc::bad_request, "`open` must be paths with commas between"};
    text += '"';
    for (const char c : *open) text += c == ',' ? std::string{"\",\""} : std::string{c};
    text += '"';
  }
  text += ']';
  if (const auto* const most = in.find_query("most")) {
    const auto number = to_number(*most);
    if (!number) return error{errc::bad_request, "`most` must be 1 to 2000"};
    text += ",\"most\":" + std::to_string(*number);
  }
  return json::read_watch(text + '}');
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
  shows->glance(std::move(*wanted), [answer, wake = x.notifier()](std::string message) {
    answer->message = std::move(message);
    answer->is_here.store(true, std::memory_order_release);
    wake();
  });
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
  if (auto refused = refuse_no_websocket(x)) co_return std::move(*refused);
  if (!shows->has_room()) co_return problem(error{errc::stopping, "too many look at this node already", 5s});
  std::string key{x.in.header_or_empty("Sec-WebSocket-Key")};
  auto taken = co_await x.take_connection();
  if (!taken) co_return problem(error{errc::internal, "the connection cannot be taken over"});
  shows->adopt(std::move(taken->socket), std::move(taken->tls), std::move(key), std::move(taken->unread));
  co_return upgraded();
}

}  // namespace troupe::http::endpoints
