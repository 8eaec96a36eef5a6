#include "http/endpoints/endpoints.hpp"
#include "http/guard.hpp"

#include <boost/json/parse.hpp>

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

awaitable<response> change(exchange& x, std::function<result<void>(desk&, std::string_view body)> what) {
  auto* const scaling = x.app().with.scaling;
  if (!scaling) co_return problem(not_set_up());
  if (x.has_body() || x.in.find_header("Content-Type")) {
    if (auto refused = require_json(x.in)) co_return std::move(*refused);
  }
  const auto body = co_await x.read_all(64_KiB);
  if (!body) co_return problem(body.error());
  if (const auto done = what(*scaling, *body); !done) co_return problem(done.error());
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
