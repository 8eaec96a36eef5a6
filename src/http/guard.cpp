#include "http/guard.hpp"

#include "http/auth/join_token.hpp"
#include "http/auth/sign_in.hpp"
#include "http/certifier.hpp"
#include "http/http.hpp"
#include "http/router.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace troupe::http {
namespace {

/// "localhost:8080" -> "localhost", "[::1]:8080" -> "[::1]"; nothing if it is no host with an optional port.
std::optional<std::string_view> host_without_port(std::string_view host) {
  const auto end_of_name = host.starts_with('[') ? host.find(']') : std::string_view::npos;
  if (host.starts_with('[') && end_of_name == std::string_view::npos) return std::nullopt;
  const auto colon = host.find(':', end_of_name == std::string_view::npos ? 0 : end_of_name);
  const auto name = host.substr(0, colon);
  if (colon == std::string_view::npos) return name;
  const auto port = to_number(host.substr(colon + 1));
  return port && *port >= 1 && *port <= 65535 ? std::optional{name} : std::nullopt;
}

bool is_our_host(std::string_view name, std::span<const std::string> allowed) {
  constexpr std::array<std::string_view, 3> own{"localhost", "127.0.0.1", "[::1]"};
  const auto same = [&](std::string_view other) { return equals_ignoring_case(name, other); };
  return std::ranges::any_of(own, same) || std::ranges::any_of(allowed, same);
}

/// What whoever watches a node asks; the answers tell nothing of jobs.
bool is_probe(std::string_view path) { return path == "/healthz" || path == "/readyz"; }

/// What a browser needs before it can show anything, and the way to sign in: the same for everybody, and nothing of jobs.
bool is_for_everybody(const request& in) {
  const auto* const found = find_route(in.verb, in.path).found;
  return found && (found->to == endpoint::page || found->to == endpoint::sign_in || found->to == endpoint::sign_out);
}

/// RFC 6265, 4.2.1: "a=b; c=d".
std::string_view cookie(const request& in, std::string_view name) {
  auto rest = in.header_or_empty("Cookie");
  while (!rest.empty()) {
    const auto end = std::min(rest.find(';'), rest.size());
    const auto pair = trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (const auto is = pair.find('='); is != std::string_view::npos && pair.substr(0, is) == name) return pair.substr(is + 1);
  }
  return {};
}

bool is_signed_in(const request& in, const access_rules& rules) {
  if (!in.find_header("Cookie")) return false;
  const auto shown = cookie(in, auth::sign_in_cookie(rules.admin_key));
  return auth::is_sign_in(shown, rules.admin_key, std::chrono::system_clock::now());
}

response forbidden(std::string_view detail) { return problem(403, "forbidden", detail); }

/// What a page of another site could make a browser send.
std::optional<response> refuse_other_site(const request& in, bool has_tls) {
  if (in.count_headers("Origin") > 1) return forbidden("more than one Origin header");
  if (const auto* origin = in.find_header("Origin")) {
    const std::string_view scheme = has_tls ? "https://" : "http://";
    const bool is_same =
        origin->starts_with(scheme) && equals_ignoring_case(origin->substr(scheme.size()), in.header_or_empty("Host"));
    if (!is_same) return forbidden("requests from pages of another origin are refused");
  }
  if (in.verb == method::post || in.verb == method::put || in.verb == method::remove) {
    const auto site = in.header_or_empty("Sec-Fetch-Site");
    if (!site.empty() && site != "same-origin" && site != "none") return forbidden("cross-site requests may not change anything");
  }
  return std::nullopt;
}

}  // namespace

/// RFC 6750, 2.1 and 3.
std::optional<response> refuse_without_key(const request& in, const digest& wanted) {
  constexpr std::string_view scheme = "bearer ";
  const auto given = in.header_or_empty("Authorization");
  const bool is_bearer = given.size() > scheme.size() && equals_ignoring_case(given.substr(0, scheme.size()), scheme);
  if (is_bearer && auth::is_same_secret(sha256_of(trim(given.substr(scheme.size()))), wanted)) return std::nullopt;
  auto out = problem(
      401, "unauthorized",
      is_bearer ? "this is not the API key of this cluster"
                : "the API key of this cluster is needed: Authorization: Bearer KEY (`troupe --key-file`, or TROUPE_KEY); "
                  "browsers sign in at /inspector");
  out.with("WWW-Authenticate", is_bearer ? R"(Bearer realm="troupe", error="invalid_token")" : R"(Bearer realm="troupe")");
  return out;
}

bool is_trusted_by_place(const arrival& from, const access_rules& rules) { return from.is_local && rules.is_loopback_open; }

std::optional<response> refuse_unproven(const request& in, const arrival& from, const access_rules& rules) {
  const bool is_trusted = is_trusted_by_place(from, rules);
  if (!from.has_tls && !is_trusted)
    return problem(403, "https_required", "this node speaks HTTPS here: write https:// instead of http://");
  const bool is_join = in.path == join_path;
  if (from.is_node || is_join) return std::nullopt;
  if (in.path.starts_with("/v1/peers/"))
    return problem(403, "node_certificate_required", "only nodes of this cluster may ask this, with their certificates");
  if (is_trusted || is_probe(in.path)) return std::nullopt;
  if (is_for_everybody(in) || is_signed_in(in, rules)) return refuse_other_site(in, from.has_tls);
  return refuse_without_key(in, rules.admin_key);
}

std::optional<response> refuse_foreign(const request& in, std::span<const std::string> allowed_hosts, bool has_tls) {
  const auto host = in.header_or_empty("Host");
  const auto name = host_without_port(host);
  if (!name || !is_our_host(*name, allowed_hosts)) {
    return problem(421, "wrong_host", "the Host header must be localhost, 127.0.0.1 or [::1]; call this node by one of them");
  }
  return refuse_other_site(in, has_tls);
}

std::string media_type_of(std::string_view content_type) { return lower(trim(content_type.substr(0, content_type.find(';')))); }

std::optional<response> require_json(const request& in) {
  const auto type = media_type_of(in.header_or_empty("Content-Type"));
  if (type == "application/json") return std::nullopt;
  return problem(415, "unsupported_media_type",
                 fmt::format("the body must be application/json, not {}; send the header Content-Type: application/json",
                             type.empty() ? "without a Content-Type" : type));
}

std::optional<error> refuse_address(std::string_view address, bool has_tls) {
  const std::string text{address == "localhost" ? "127.0.0.1" : address};
  const auto refused = [&](std::string_view why) {
    return error{errc::bad_request, fmt::format("cannot listen on '{}': {}", address, why)};
  };
  in_addr four{};
  in6_addr six{};
  const bool is_four = inet_pton(AF_INET, text.c_str(), &four) == 1;
  const bool is_six = !is_four && inet_pton(AF_INET6, text.c_str(), &six) == 1;
  if (!is_four && !is_six) return refused("it is not an IP address");
  const bool is_loopback = is_four ? (ntohl(four.s_addr) >> 24) == 127 : IN6_IS_ADDR_LOOPBACK(&six);
  if (is_loopback || has_tls) return std::nullopt;
  return refused(
      "other machines can reach it, and this node has no certificate. `troupe cluster init --dir DIR` begins a cluster with TLS "
      "and an API key (then start the node with --set tls.ca_directory=DIR); `troupe cluster token` there makes a token to join "
      "it "
      "with (--join-token)");
}

}  // namespace troupe::http
