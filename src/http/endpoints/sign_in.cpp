#include "http/auth/sign_in.hpp"
#include "http/endpoints/endpoints.hpp"
#include "http/guard.hpp"

#include <fmt/format.h>

namespace troupe::http::endpoints {
namespace {

/// Only for this host, over TLS, out of the reach of scripts, and never with a request that another site caused.
response with_cookie(const exchange& x, std::string_view value, std::chrono::seconds lasts) {
  const auto name = auth::sign_in_cookie(x.app().options.access.admin_key);
  response out;
  out.status = 204;
  out.with("Set-Cookie", fmt::format("{}={}; Path=/; Max-Age={}; Secure; HttpOnly; SameSite=Strict", name, value, lasts.count()));
  out.with("Cache-Control", "no-store");
  return out;
}

}  // namespace

/// Who is trusted for being on this machine gets nothing that is good elsewhere.
awaitable<response> sign_in(exchange& x) {
  const auto& rules = x.app().options.access;
  if (!x.app().with.tls)
    co_return problem(409, "nothing_to_sign_in", "this node has no TLS and no API key: it is open to its own machine");
  if (auto refused = refuse_without_key(x.in, rules.admin_key)) co_return std::move(*refused);
  const auto until = std::chrono::system_clock::now() + auth::sign_in_lasts;
  co_return with_cookie(x, auth::make_sign_in(rules.admin_key, until), auth::sign_in_lasts);
}

awaitable<response> sign_out(exchange& x) { co_return with_cookie(x, "", std::chrono::seconds{0}); }

}  // namespace troupe::http::endpoints
