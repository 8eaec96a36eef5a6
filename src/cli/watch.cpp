#include "cli/watch.hpp"

#include "base/error.hpp"
#include "cli/live_view.hpp"
#include "cli/sse_parser.hpp"

#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <charconv>
#include <cstdio>

namespace troupe::cli {
namespace {

/// The node sends a comment every 15 s: three missed ones are a lost connection.
constexpr duration silence_most = 45s;

class watcher {
 public:
  watcher(api& node, std::string id, const watch_options& options) : node_(node), id_(std::move(id)), options_(options) {}

  outcome<json::object> run() {
    const teller before = node_.tell_through([this](const std::string& line) { view_.say("troupe: " + line); });
    auto ended = watch();
    node_.tell_through(before);
    return ended;
  }

 private:
  outcome<json::object> watch() {
    TROUPE_TRY(auto job, refresh());
    auto tries = node_.budget();
    if (is_final_state(progress_.state) && options_.json_lines) {  // the history alone; without it there is still the job
      retry_budget never{0ms};
      if (const auto streamed = stream(never); !streamed && streamed.error().code == exit_code::interrupted)
        return streamed.error();
    }
    while (!is_final_state(progress_.state)) {  // bounded by the budget while nothing arrives
      const auto streamed = stream(tries);
      if (!streamed) return streamed.error();
      TROUPE_TRY(job, refresh());
    }
    return job;
  }

  outcome<json::object> refresh() {
    TROUPE_TRY(auto job, node_.call({.target = "/v1/jobs/" + encode_segment(id_)}));
    progress_ = progress_of(job);
    if (options_.draw) view_.show_now(progress_);
    return job;
  }

  /// One connection, until the final event, or until it breaks and the wait after it is over.
  outcome<void> stream(retry_budget& tries) {
    ended_ = false;
    bool heard = false;
    sse_parser parser{[this](const sse_event& event) { on_event(event); }};
    http_request request{.target = fmt::format("/v1/jobs/{}/events", encode_segment(id_)), .silence_most = silence_most};
    request.headers = {"Accept: text/event-stream", fmt::format("Last-Event-ID: {}", last_id_)};
    request.on_body = [&](int, std::string_view data) {
      heard = true;
      return parser.feed(data) && !ended_;
    };
    const auto response = node_.once(request);
    if (ended_) return {};
    if (!response && !response.error().may_pass()) return response.error();
    if (heard) tries.succeeded();
    if (!response) return node_.wait_after(response.error(), std::nullopt, tries);
    if (!response->ok()) {
      const auto why = failure_of(*response, node_.url());
      if (!is_busy(response->status)) return why;
      return node_.wait_after(why, retry_after_of(*response), tries);
    }
    return node_.wait_after({exit_code::unreachable, "the event stream ended before the job did"}, std::nullopt, tries);
  }

  void on_event(const sse_event& raw) {
    job_event event{.type = raw.type};
    if (raw.id) {
      const auto [end, failed] = std::from_chars(raw.id->data(), raw.id->data() + raw.id->size(), event.revision);
      if (failed != std::errc{} || event.revision <= last_id_) return;  // seen before the connection broke
      last_id_ = event.revision;
    }
    boost::system::error_code failed;
    auto value = json::parse(raw.data, failed);
    if (failed || !value.is_object()) return;
    event.data = std::move(value.get_object());
    apply(progress_, event);
    if (options_.json_lines) print_line(event);
    if (options_.draw) view_.show(progress_, event);
    ended_ = event.revision != 0 && is_final_state(event.type);
  }

  static void print_line(job_event& event) {
    event.data["type"] = event.type;
    std::fputs((json::serialize(event.data) + "\n").c_str(), stdout);
    std::fflush(stdout);
  }

  api& node_;
  std::string id_;
  watch_options options_;
  live_view view_;
  job_progress progress_;
  std::uint64_t last_id_ = 0;
  bool ended_ = false;
};

}  // namespace

outcome<json::object> watch_job(api& node, const std::string& id, const watch_options& options) {
  return watcher{node, id, options}.run();
}

exit_code code_of(const json::object& job) {
  const auto state = text_at(job, "state");
  if (state == "failed" || state == "dead") return exit_code::job_failed;
  return state == "cancelled" ? exit_code::job_cancelled : exit_code::ok;
}

}  // namespace troupe::cli
