#include "http/json/queue.hpp"

#include "http/json/body.hpp"
#include "http/json/writer.hpp"
#include "model/pipeline_limits.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::http::json {
namespace {

error bad(std::string detail) { return {errc::bad_request, std::move(detail)}; }

void write_pause(writer& json, const actors::pause_view& pause) {
  json.begin_object();
  json.member("pipeline", pause.of);
  json.member("since", pause.pause.since);
  json.member("reason", pause.pause.reason);
  json.member("tasks", pause.tasks);
  json.member("jobs", pause.jobs);
  json.end_object();
}

void write_load(writer& json, const actors::load_view& load) {
  const auto& now = load.degradation;
  json.begin_object();
  json.member("level", now.level);
  json.member("since", now.level > 0 ? std::optional{now.since} : std::nullopt);
  json.member("why", now.level > 0 ? std::string_view{now.why} : std::string_view{});
  json.key("classes");
  json.begin_array();
  for (const auto each : model::all_job_classes) {
    const auto at = static_cast<std::size_t>(each);
    const auto& wait = load.expected_waits[at];
    json.begin_object();
    json.member("class", to_string(each));
    json.member("priority_least", model::least_priority_of(each));
    json.member("measure", to_string(now.of[at]));
    json.member("tasks_ready", load.waiting[at].tasks);
    json.member("oldest_since", load.waiting[at].oldest);
    json.member("expected_wait_ms", wait ? std::optional{std::int64_t{wait->count()}} : std::nullopt);
    json.end_object();
  }
  json.end_array();
  json.end_object();
}

result<void> check_reason(std::string_view reason) {
  if (reason.size() > model::limits::pause_reason_bytes)
    return bad(fmt::format("the reason has more than {} bytes", model::limits::pause_reason_bytes));
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(reason, is_control)) return bad("the reason is one line, without control characters");
  return {};
}

result<actors::change_queue> read_change(std::string_view text, actors::change_queue::action what) {
  actors::change_queue out{what, {}, {}};
  if (text.empty()) return out;
  const bool pauses = what == actors::change_queue::action::pause;
  TROUPE_TRY(const auto body, parse_object(text));
  for (const auto& [key, value] : body) {
    const auto* content = value.if_string();
    if (key == "pipeline" && content && !content->empty() && content->size() <= model::limits::name_bytes)
      out.of = std::string{*content};
    else if (key == "reason" && content && pauses)
      out.reason = std::string{*content};
    else
      return bad(pauses ? "the body of a pause is {\"pipeline\": \"NAME\", \"reason\": \"...\"}, both of which may be left out"
                        : "the body of a resume is {\"pipeline\": \"NAME\"}, or empty for the pause of everything");
  }
  TROUPE_CHECK(check_reason(out.reason));
  return out;
}

}  // namespace

void write_queue(std::string& out, const actors::queue_view& queue, bool is_after_change) {
  writer json{out};
  json.begin_object();
  if (is_after_change) json.member("changed", queue.changed);
  json.key("pauses");
  json.begin_array();
  for (const auto& pause : queue.pauses) write_pause(json, pause);
  json.end_array();
  json.member("tasks_ready", queue.tasks_ready);
  json.member("tasks_paused", queue.tasks_paused);
  json.key("degradation");
  write_load(json, queue.load);
  json.end_object();
}

result<actors::change_queue> read_pause(std::string_view text) { return read_change(text, actors::change_queue::action::pause); }

result<actors::change_queue> read_resume(std::string_view text) {
  return read_change(text, actors::change_queue::action::resume);
}

}  // namespace troupe::http::json
