#include "http/ask.hpp"
#include "http/endpoints/endpoints.hpp"
#include "http/endpoints/submission.hpp"
#include "http/event_buffer.hpp"
#include "http/guard.hpp"
#include "http/json/job.hpp"

#include <fmt/format.h>
#include <boost/algorithm/hex.hpp>

namespace troupe::http::endpoints {
namespace {

/// What a cursor stands for. Nothing if it is none of ours.
std::optional<std::string> key_of(const std::string& cursor) {
  try {
    return boost::algorithm::unhex(cursor);
  } catch (const boost::algorithm::hex_decode_error&) {
    return std::nullopt;
  }
}

using std::chrono::steady_clock;

result<model::job_id> job_id_of(const exchange& x) {
  if (const auto id = model::job_id::from_text(x.parameter)) return *id;
  return error{errc::not_found, fmt::format("'{}' is no job id; one has 16 hexadecimal digits", x.parameter)};
}

awaitable<result<model::job_view>> fetch(exchange& x, model::job_id id) {
  actors::get_job query{std::string{only_tenant}, id};
  return ask(x, x.app().with.actors.jobs, std::move(query), x.app().options.request_timeout);
}

response job_answer(const model::job_view& job) {
  response out;
  out.content_type = "application/json";
  json::write_job(out.body, job);
  out.with("ETag", etag_of(job.revision)).with("Cache-Control", "no-cache");
  return out;
}

response unchanged(std::uint64_t revision) {
  response out;
  out.status = 304;
  out.with("ETag", etag_of(revision)).with("Cache-Control", "no-cache");
  return out;
}

/// "30s", "500ms" or "30" (seconds).
result<duration> wait_of(const request& in, duration most) {
  const auto* given = in.find_query("wait");
  if (!given) return duration{0};
  std::string_view digits{*given};
  duration unit = 1s;
  if (digits.ends_with("ms")) {
    unit = 1ms;
    digits.remove_suffix(2);
  } else if (digits.ends_with("s")) {
    digits.remove_suffix(1);
  }
  const auto number = to_number(digits);
  if (!number) return error{errc::bad_request, "wait must be a time such as 30s or 500ms"};
  return *number >= static_cast<std::uint64_t>(most / unit) ? most : duration{*number} * unit.count();
}

/// Whether a waiting client has what it waits for.
bool is_worth_an_answer(const model::job_view& job, std::string_view if_none_match) {
  if (!if_none_match.empty()) return !names_etag(if_none_match, etag_of(job.revision));
  return is_final(job.state);
}

/// Subscribes before it looks again, so that no change falls between.
awaitable<result<model::job_view>> wait_for_change(exchange& x, model::job_view job, std::string_view if_none_match,
                                                   duration limit) {
  const auto until = steady_clock::now() + limit;
  const auto buffer =
      std::make_shared<event_buffer>(event_limits{.events = 1, .size = 64_KiB, .with_progress = false}, x.notifier());
  const event_buffer_closer closer{*buffer};
  actors::subscribe command{job.id, buffer};
  const auto subscribed = co_await ask(x, x.app().with.actors.hub, std::move(command), x.app().options.request_timeout);
  if (!subscribed) co_return subscribed.error();
  while (!x.has_left()) {
    auto now = co_await fetch(x, job.id);
    if (!now || is_worth_an_answer(*now, if_none_match)) co_return now;
    job = std::move(*now);
    while (!buffer->has_news() && !x.has_left() && !x.is_stopping() && steady_clock::now() < until) co_await x.wait(until);
    if (x.is_stopping() || steady_clock::now() >= until) break;
    (void)buffer->take();
  }
  co_return job;
}

}  // namespace

std::string etag_of(std::uint64_t revision) { return fmt::format("\"{}\"", revision); }

bool names_etag(std::string_view if_none_match, std::string_view etag) {
  if (trim(if_none_match) == "*") return true;
  while (!if_none_match.empty()) {
    auto entry = trim(if_none_match.substr(0, if_none_match.find(',')));
    if (entry.starts_with("W/")) entry.remove_prefix(2);
    if (entry == etag) return true;
    if_none_match.remove_prefix(std::min(if_none_match.size(), if_none_match.find(',') == std::string_view::npos
                                                                   ? if_none_match.size()
                                                                   : if_none_match.find(',') + 1));
  }
  return false;
}

awaitable<response> get_job(exchange& x) {
  const auto id = job_id_of(x);
  if (!id) co_return problem(id.error());
  if (const auto known = allow_query(x.in, {"wait"}); !known) co_return problem(known.error());
  const auto wait = wait_of(x.in, x.app().options.wait_most);
  if (!wait) co_return problem(wait.error());
  const auto if_none_match = x.in.header_or_empty("If-None-Match");
  auto job = co_await fetch(x, *id);
  if (job && wait->count() > 0 && !is_final(job->state) && !is_worth_an_answer(*job, if_none_match)) {
    auto view = std::move(*job);
    job = co_await wait_for_change(x, std::move(view), if_none_match, *wait);
  }
  if (!job) co_return problem(job.error());
  if (!if_none_match.empty() && names_etag(if_none_match, etag_of(job->revision))) co_return unchanged(job->revision);
  co_return job_answer(*job);
}

awaitable<response> list_jobs(exchange& x) {
  if (const auto known = allow_query(x.in, {"state", "pipeline", "label", "limit", "cursor"}); !known)
    co_return problem(known.error());
  actors::list_jobs query;
  query.tenant = only_tenant;
  if (const auto* state = x.in.find_query("state")) {
    query.state = model::job_state_from(*state);
    if (!query.state)
      co_return problem(error{errc::bad_request, "state must be queued, running, succeeded, failed, cancelled or dead"});
  }
  if (const auto* name = x.in.find_query("pipeline")) query.pipeline = *name;
  if (const auto* label = x.in.find_query("label")) {
    const auto colon = label->find(':');
    if (colon == 0 || colon == std::string::npos) co_return problem(error{errc::bad_request, "label must be NAME:VALUE"});
    query.label.emplace(label->substr(0, colon), label->substr(colon + 1));
  }
  if (const auto* limit = x.in.find_query("limit")) {
    const auto number = to_number(*limit);
    if (!number || *number < 1 || *number > 500) co_return problem(error{errc::bad_request, "limit must be 1 to 500"});
    query.limit = static_cast<std::uint32_t>(*number);
  }
  if (const auto* cursor = x.in.find_query("cursor")) {
    const auto key = key_of(*cursor);
    if (!key || key->empty()) co_return problem(error{errc::bad_request, "cursor must be the next_cursor of an earlier answer"});
    query.cursor = *key;
  }
  const auto page = co_await ask(x, x.app().with.actors.jobs, std::move(query), x.app().options.request_timeout);
  if (!page) co_return problem(page.error());
  response out;
  out.content_type = "application/json";
  json::write_jobs(out.body, *page);
  co_return out;
}

awaitable<response> cancel_job(exchange& x) {
  const auto id = job_id_of(x);
  if (!id) co_return problem(id.error());
  if (x.has_body() || x.in.find_header("Content-Type")) {
    if (auto refused = require_json(x.in)) co_return std::move(*refused);
  }
  const auto body = co_await x.read_all(64_KiB);
  if (!body) co_return problem(body.error());
  auto reason = json::read_cancel_reason(*body);
  if (!reason) co_return problem(reason.error());
  actors::cancel_job command{std::string{only_tenant}, *id, std::move(*reason)};
  const auto job = co_await ask(x, x.app().with.actors.jobs, std::move(command), x.app().options.request_timeout);
  if (!job) co_return problem(job.error());
  co_return job_answer(*job);
}

}  // namespace troupe::http::endpoints
