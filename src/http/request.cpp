#include "http/request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace troupe::http {
namespace {

char lower_char(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower_char(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// @param plus_is_space  as in query strings of forms
std::optional<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c <= 0x20 || c == 0x7f) return std::nullopt;
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high < 0 || low < 0 || high * 16 + low == 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += plus_is_space && c == '+' ? ' ' : static_cast<char>(c);
    }
  }
  return out;
}

constexpr std::size_t query_parameters_most = 32;

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size()
         && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower_char(x) == lower_char(y); });
}

std::string lower(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(), lower_char);
  return out;
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<std::uint64_t> to_number(std::string_view text) noexcept {
  if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

const std::string_view* request::find_header(std::string_view name) const noexcept {
  const auto at = std::ranges::find_if(headers, [&](const header& h) { return equals_ignoring_case(h.name, name); });
  return at == headers.end() ? nullptr : &at->value;
}

std::string_view request::header_or_empty(std::string_view name) const noexcept {
  const auto* value = find_header(name);
  return value ? *value : std::string_view{};
}

std::size_t request::count_headers(std::string_view name) const noexcept {
  return static_cast<std::size_t>(
      std::ranges::count_if(headers, [&](const header& h) { return equals_ignoring_case(h.name, name); }));
}

const std::string* request::find_query(std::string_view name) const noexcept {
  const auto at = std::ranges::find_if(query, [&](const auto& entry) { return entry.first == name; });
  return at == query.end() ? nullptr : &at->second;
}

result<void> read_target(std::string_view target, request& into) {
  constexpr std::string_view scheme = "http://";
  if (target.size() >= scheme.size() && equals_ignoring_case(target.substr(0, scheme.size()), scheme)) {
    const auto slash = target.find('/', scheme.size());
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  if (target.empty() || target[0] != '/') return error{errc::bad_request, "the request target must begin with '/'"};
  target = target.substr(0, target.find('#'));
  const auto mark = target.find('?');
  auto path = decode(target.substr(0, mark), false);
  if (!path) return error{errc::bad_request, "the path has a bad percent escape"};
  into.path = std::move(*path);
  if (mark == std::string_view::npos) return {};
  auto rest = target.substr(mark + 1);
  while (!rest.empty()) {
    const auto pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    auto name = decode(pair.substr(0, equals), true);
    auto value = decode(equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1), true);
    if (!name || !value) return error{errc::bad_request, "the query has a bad percent escape"};
    if (into.query.size() == query_parameters_most) {
      return error{errc::bad_request, fmt::format("more than {} query parameters", query_parameters_most)};
    }
    into.query.emplace_back(std::move(*name), std::move(*value));
  }
  return {};
}

result<void> allow_query(const request& in, std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : in.query) {
    if (std::ranges::find(known, name) == known.end()) {
      return error{errc::bad_request, fmt::format("unknown query parameter '{}'; known: {}", name, fmt::join(known, ", "))};
    }
  }
  return {};
}

}  // namespace troupe::http
