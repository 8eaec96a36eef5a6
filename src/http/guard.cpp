#include "http/guard.hpp"

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

response forbidden(std::string_view detail) { return problem(403, "forbidden", detail); }

}  // namespace

std::optional<response> refuse_foreign(const request& in, std::span<const std::string> allowed_hosts) {
  const auto host = in.header_or_empty("Host");
  const auto name = host_without_port(host);
  if (!name || !is_our_host(*name, allowed_hosts)) {
    return problem(421, "wrong_host", "the Host header must be localhost, 127.0.0.1 or [::1]; call this node by one of them");
  }
  if (in.count_headers("Origin") > 1) return forbidden("more than one Origin header");
  if (const auto* origin = in.find_header("Origin")) {
    constexpr std::string_view scheme = "http://";
    const bool is_same = origin->starts_with(scheme) && equals_ignoring_case(origin->substr(scheme.size()), host);
    if (!is_same) return forbidden("requests from pages of another origin are refused");
  }
  if (in.verb == method::post || in.verb == method::put) {
    const auto site = in.header_or_empty("Sec-Fetch-Site");
    if (!site.empty() && site != "same-origin" && site != "none") return forbidden("cross-site requests may not change anything");
  }
  return std::nullopt;
}

std::string media_type_of(std::string_view content_type) { return lower(trim(content_type.substr(0, content_type.find(';')))); }

std::optional<response> require_json(const request& in) {
  const auto type = media_type_of(in.header_or_empty("Content-Type"));
  if (type == "application/json") return std::nullopt;
  return problem(415, "unsupported_media_type",
                 fmt::format("the body must be application/json, not {}; send the header Content-Type: application/json",
                             type.empty() ? "without a Content-Type" : type));
}

std::optional<error> refuse_address(std::string_view address) {
  const std::string text{address == "localhost" ? "127.0.0.1" : address};
  const auto refused = [&](std::string_view why) {
    return error{errc::bad_request,
                 fmt::format("cannot listen on '{}': {}. Use 127.0.0.1 or ::1, and a proxy with TLS and authentication in "
                             "front to serve other machines",
                             address, why)};
  };
  constexpr std::string_view open_to_all = "it is not a loopback address, and this node has no authentication";
  in_addr four{};
  if (inet_pton(AF_INET, text.c_str(), &four) == 1) {
    if ((ntohl(four.s_addr) >> 24) != 127) return refused(open_to_all);
    return std::nullopt;
  }
  in6_addr six{};
  if (inet_pton(AF_INET6, text.c_str(), &six) == 1) {
    if (!IN6_IS_ADDR_LOOPBACK(&six)) return refused(open_to_all);
    return std::nullopt;
  }
  return refused("it is not an IP address");
}

}  // namespace troupe::http
