#include "http/json/node.hpp"
#include "http/ask.hpp"
#include "http/endpoints/endpoints.hpp"
#include "http/endpoints/submission.hpp"
#include "http/link_alarms.hpp"
#include "http/metrics.hpp"
#include "http/off_loop.hpp"

namespace troupe::http::endpoints {
namespace {

awaitable<result<actors::node_view>> fetch(exchange& x) {
  return ask(x, x.app().with.actors.node, actors::get_node{}, x.app().options.request_timeout);
}

response readiness(bool is_ready, std::string_view reason) {
  response out;
  out.status = is_ready ? 200 : 503;
  out.content_type = "application/json";
  json::write_readiness(out.body, is_ready, reason);
  if (!is_ready) out.with("Retry-After", "1");
  return out;
}

}  // namespace

awaitable<response> get_node(exchange& x) {
  const auto node = co_await fetch(x);
  if (!node) co_return problem(node.error());
  response out;
  out.content_type = "application/json";
  const auto& stored = x.app().with.stored;
  json::write_node(out.body, *node, x.app().is_draining, stored ? std::optional{stored()} : std::nullopt,
                   x.app().with.devices ? x.app().with.devices() : std::vector<model::device_view>{});
  co_return out;
}

awaitable<response> health(exchange&) {
  response out;
  out.content_type = "text/plain; charset=utf-8";
  out.body = "ok\n";
  co_return out;
}

awaitable<response> ready(exchange& x) {
  if (x.is_stopping()) co_return readiness(false, "the node is shutting down");
  if (const auto why = why_closed(x.app())) co_return readiness(false, why->detail);
  const auto node = co_await fetch(x);
  if (!node) co_return readiness(false, node.error().detail);
  if (const auto* links = x.app().with.links) {
    if (const auto why = why_apart(*links, node->members.size() <= 1); !why.empty()) co_return readiness(false, why);
  }
  co_return readiness(node->ready, node->ready ? "" : node->why_not_ready);
}

awaitable<response> metrics_text(exchange& x) {
  response out;
  out.content_type = "text/plain; version=0.0.4; charset=utf-8";
  x.app().counts.write(out.body);
  if (!x.app().with.metrics_text) co_return out;
  // It waits for actors, and an actor may wait for this loop's thread (actors/lent_thread.hpp).
  auto read = [&x]() -> result<std::string> { return x.app().with.metrics_text(); };
  const auto rest = co_await off_loop(x, read);
  if (!rest) co_return problem(rest.error());
  out.body += *rest;
  co_return out;
}

}  // namespace troupe::http::endpoints
