#include "cli/api.hpp"

#include "base/error.hpp"
#include "cli/interrupt.hpp"
#include "cli/json_text.hpp"
#include "cli/units_text.hpp"

#include <fmt/format.h>
#include <boost/json/parse.hpp>

#include <charconv>

namespace troupe::cli {
namespace {

constexpr std::size_t shown_body_bytes = 200;
/// A node answers within 25 s: it asks others for the files of a job for 15 s at most, and the log for 10 s.
constexpr duration answer_most = 30s;
/// A new leader is found within a few seconds: so much is waited for an answer with less patience, too.
constexpr duration answer_least = 5s;

std::optional<json::object> parse_object(std::string_view text) {
  boost::system::error_code failed;
  auto value = json::parse(json::string_view{text.data(), text.size()}, failed);
  if (failed || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

/// First line of something that is no problem document, made harmless for a terminal.
std::string first_words(std::string_view body) {
  std::string words;
  for (const char c : body.substr(0, shown_body_bytes)) {
    if (c == '\n' || c == '\r') break;
    words += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return words;
}

}  // namespace

bool is_busy(int status) noexcept { return status == 429 || status == 503 || status == 504; }

std::optional<duration> retry_after_of(const http_response& response) {
  const auto text = response.header("retry-after");
  std::int64_t seconds = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (failed != std::errc{} || end != text.data() + text.size() || seconds < 0 || seconds > 86'400) return std::nullopt;
  return std::chrono::seconds{seconds};
}

failure failure_of(const http_response& response, const std::string& url) {
  const auto code = response.status >= 400 && response.status < 500 ? exit_code::refused : exit_code::node_failed;
  if (response.status == 404 && response.body.empty()) return {code, fmt::format("{}: there is no such thing", url)};
  const auto problem = parse_object(response.body);
  if (!problem || !problem->contains("code")) {
    return {code, fmt::format("{} answered {} {}(is it a Troupe node?)", url, response.status,
                              response.body.empty() ? "" : "\"" + first_words(response.body) + "\" ")};
  }
  return {code, fmt::format("{} ({}, {})", text_at(*problem, "detail"), text_at(*problem, "code"), response.status)};
}

outcome<void> api::wait_after(const failure& why, std::optional<duration> asked, retry_budget& budget) const {
  const auto wait = budget.next(steady_now(), asked);
  if (!wait) {
    if (budget.patience() <= 0ms) return why;
    const auto hint = asked ? fmt::format("; it asks to come back in {}", format_duration(*asked)) : std::string{};
    return failure{why.code, fmt::format("{}{} (gave up; --patience sets how long to try)", why.detail, hint)};
  }
  tell_(fmt::format("{}; trying again in {} (for {} more)", why.detail, format_duration(*wait),
                    format_duration(std::chrono::round<std::chrono::seconds>(budget.left(steady_now())))));
  if (!wait_for(*wait)) return failure{exit_code::interrupted, "interrupted"};
  return {};
}

/// An answer to HEAD does not say why; one to GET does.
failure api::explained(const http_request& request, const http_response& response) {
  if (request.method == "HEAD") {
    const auto asked = client_.perform(
        {.target = request.target, .on_body = [](int, std::string_view) { return false; }, .silence_most = request.silence_most});
    if (asked && asked->status == response.status) return failure_of(*asked, url());
  }
  return failure_of(response, url());
}

outcome<http_response> api::exchange(const http_request& request) {
  auto tries = budget();
  auto sent = request;
  if (!sent.upload && !sent.on_body)
    sent.silence_most = std::min({sent.silence_most, answer_most, std::max(patience_.later, answer_least)});
  for (;;) {  // bounded by the budget
    const bool was_known = client_.has_answered();
    tries.began(steady_now());
    auto response = client_.perform(sent);
    if (response && (response->ok() || response->status == 304)) return response;
    if (!was_known && client_.has_answered()) tries = budget();
    if (!response && !response.error().may_pass()) return response;
    const auto why = response ? explained(sent, *response) : response.error();
    if (response && !is_busy(response->status)) return why;
    TROUPE_CHECK(wait_after(why, response ? retry_after_of(*response) : std::nullopt, tries));
  }
}

outcome<json::object> api::call(const http_request& request) {
  auto response = exchange(request);
  if (!response) return response.error();
  auto object = parse_object(response->body);
  if (!object)
    return failure{exit_code::node_failed,
                   fmt::format("{} answered something that is no JSON object (is it a Troupe node?)", url())};
  return std::move(*object);
}

}  // namespace troupe::cli
