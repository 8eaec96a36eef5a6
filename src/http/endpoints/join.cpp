#include "http/certifier.hpp"
#include "http/endpoints/endpoints.hpp"
#include "http/guard.hpp"
#include "http/json/certificate.hpp"
#include "http/off_loop.hpp"

namespace troupe::http::endpoints {
namespace {

constexpr bytes request_most{16 * 1024};

}  // namespace

awaitable<response> join(exchange& x) {
  const auto* const signer = x.app().with.certificates;
  if (!signer) {
    co_return problem(409, "not_a_signer",
                      "this node does not sign certificates; ask one that was given the directory of `troupe cluster init` "
                      "(tls.ca_directory)");
  }
  if (auto refused = require_json(x.in)) co_return std::move(*refused);
  const auto body = co_await x.read_all(request_most);
  if (!body) co_return problem(body.error());
  const auto asked = json::read_certificate_request(*body);
  if (!asked) co_return problem(asked.error());
  const auto proven = x.peer();
  auto sign = [&] { return signer->certify(*asked, proven); };
  const auto granted = co_await off_loop(x, sign);
  if (!granted && granted.error().code == errc::conflict) co_return problem(403, "join_refused", granted.error().detail);
  if (!granted) co_return problem(granted.error());
  response out;
  out.content_type = "application/json";
  out.body = json::to_json(*granted);
  co_return out;
}

}  // namespace troupe::http::endpoints
