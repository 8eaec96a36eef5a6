#include "http/response.hpp"

#include "http/json/problem.hpp"
#include "http/json/writer.hpp"
#include "http/status_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace troupe::http {
namespace {

constexpr std::string_view problem_type = "application/problem+json";

bool has_header(const response& answer, std::string_view name) {
  return std::ranges::any_of(answer.headers, [&](const auto& h) { return h.first == name; });
}

bool wants_retry_after(int status) noexcept { return status == 429 || status == 503 || status == 507; }

}  // namespace

response problem(const error& why) {
  response out;
  out.status = status_of(why.code);
  out.content_type = problem_type;
  json::writer json{out.body};
  json::write_problem(json, {out.status, to_string(why.code), why.detail, why.retry_after});
  if (wants_retry_after(out.status)) {
    const auto wait = why.retry_after.value_or(std::chrono::milliseconds{1000});
    out.with("Retry-After", std::to_string(std::max<std::int64_t>(1, (wait.count() + 999) / 1000)));
  }
  return out;
}

response problem(int status, std::string_view code, std::string_view detail) {
  response out;
  out.status = status;
  out.content_type = problem_type;
  json::writer json{out.body};
  json::write_problem(json, {status, code, detail, std::nullopt});
  if (wants_retry_after(status)) out.with("Retry-After", "1");
  return out;
}

void write_head(std::string& out, const response& answer, const head_options& options) {
  auto to = std::back_inserter(out);
  fmt::format_to(to, "HTTP/1.1 {} {}\r\n", answer.status, reason_of(answer.status));
  if (!answer.content_type.empty()) fmt::format_to(to, "Content-Type: {}\r\n", answer.content_type);
  switch (options.how) {
    case framing::length:
      if (answer.status != 204 && answer.status != 304) fmt::format_to(to, "Content-Length: {}\r\n", options.length);
      break;
    case framing::chunked: out += "Transfer-Encoding: chunked\r\n"; break;
    case framing::until_close: break;
  }
  for (const auto& [name, value] : answer.headers) fmt::format_to(to, "{}: {}\r\n", name, value);
  if (!has_header(answer, "Cache-Control")) out += "Cache-Control: no-store\r\n";
  out += "X-Content-Type-Options: nosniff\r\nDate: ";
  out += options.date;
  out += "\r\n";
  if (!options.keep_alive) {
    out += "Connection: close\r\n";
  } else if (options.say_keep_alive) {
    out += "Connection: keep-alive\r\n";
  }
  out += "\r\n";
}

}  // namespace troupe::http
