#include "http/endpoints/endpoints.hpp"
#include "http/guard.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/parse.hpp>

#include <chrono>
#include <functional>

// How the nodes follow the load, for operators. The node that leads decides; any node says whether it is the one.
namespace troupe::http::endpoints {
namespace {

using desk = model::ports::scaling_desk;

error not_set_up() {
  return {errc::conflict, "nodes do not follow the load here: `scaling.policy` names no policy; see docs/scaling.md"};
}

response status_of(const desk& of) {
  response out;
  out.content_type = "application/json";
  out.body = of.status();
  return out;
}

/// Waits until it is.
awaitable<result<void>> settled(const desk& scaling) {
  constexpr auto look_every = std::chrono::milliseconds{20};
  constexpr auto within = std::chrono::seconds{10};
  boost::asio::steady_timer pause{co_await boost::asio::this_coro::executor};
  for (const auto until = std::chrono::steady_clock::now() + within; std::chrono::steady_clock::now() < until;) {
    const auto is_settled = scaling.is_settled();
    if (!is_settled) co_return is_settled.error();
    if (*is_settled) co_return result<void>{};
    pause.expires_after(look_every);
    co_await pause.async_wait(boost::asio::use_awaitable);
  }
  co_return error{errc::timed_out, "the cluster has not committed it yet; it is tried on: GET /v1/scaling says when it holds"};
}

awaitable<response> change(exchange& x, std::function<result<void>(desk&, std::string_view body)> what) {
  auto* const scaling = x.app().with.scaling;
  if (!scaling) co_return problem(not_set_up());
  if (x.has_body() || x.in.find_header("Content-Type")) {
    if (auto refused = require_json(x.in)) co_return std::move(*refused);
  }
  const auto body = co_await x.read_all(64_KiB);
  if (!body) co_return problem(body.error());
  if (const auto done = what(*scaling, *body); !done) co_return problem(done.error());
  if (const auto done = co_await settled(*scaling); !done) co_return problem(done.error());
  co_return status_of(*scaling);
}

result<void> hold(desk& scaling, std::string_view body) {
  const error wrong{errc::bad_request, "the body of a hold is {\"nodes\": 3, \"for_ms\": 3600000}"};
  boost::system::error_code failure;
  const auto read = boost::json::parse(body, failure);
  const auto* const object = failure ? nullptr : read.if_object();
  if (!object || object->size() != 2) return wrong;
  const auto* const nodes = object->if_contains("nodes");
  const auto* const time = object->if_contains("for_ms");
  if (!nodes || !time || !nodes->is_int64() || !time->is_int64()) return wrong;
  const auto count = nodes->get_int64();
  if (count < 0 || count > 1'000'000 || time->get_int64() > std::int64_t{1} << 40) return wrong;
  return scaling.hold(static_cast<int>(count), duration{time->get_int64()});
}

}  // namespace

awaitable<response> get_scaling(exchange& x) {
  const auto* const scaling = x.app().with.scaling;
  if (scaling) co_return status_of(*scaling);
  response off;
  off.content_type = "application/json";
  off.body = R"({"policy":null,"leads":false})";
  co_return off;
}

awaitable<response> hold_scaling(exchange& x) { co_return co_await change(x, hold); }

awaitable<response> release_scaling(exchange& x) {
  co_return co_await change(x, [](desk& scaling, std::string_view) { return scaling.release(); });
}

}  // namespace troupe::http::endpoints
