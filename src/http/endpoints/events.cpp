#include "http/ask.hpp"
#include "http/endpoints/endpoints.hpp"
#include "http/endpoints/submission.hpp"
#include "http/event_buffer.hpp"
#include "http/json/job.hpp"
#include "http/metrics.hpp"

#include <fmt/format.h>

#include <iterator>

namespace troupe::http::endpoints {
namespace {

using std::chrono::steady_clock;

constexpr std::uint32_t journal_page = 500;
constexpr std::size_t flush_bytes = 64 * 1024;

bool ends_a_job(std::string_view type) {
  return type == "succeeded" || type == "failed" || type == "cancelled" || type == "dead";
}

response stream_head() {
  response out;
  out.content_type = "text/event-stream";
  out.with("X-Accel-Buffering", "no");
  return out;
}

class stream_gauge {
 public:
  explicit stream_gauge(metrics& counts) : counts_(counts) { ++counts_.streams; }
  ~stream_gauge() { --counts_.streams; }
  stream_gauge(const stream_gauge&) = delete;
  stream_gauge& operator=(const stream_gauge&) = delete;

 private:
  metrics& counts_;
};

/// What the streams of one job and of all jobs share: text that is gathered, sent in pieces, and kept alive by comments.
class event_writer {
 public:
  explicit event_writer(exchange& x) : x_(x), gauge_(x.app().counts) {
    const auto& options = x.app().options;
    buffer_ = std::make_shared<event_buffer>(
        event_limits{.events = options.stream_events_most, .size = options.stream_bytes_most}, x.notifier());
  }
  ~event_writer() { buffer_->close(); }
  event_writer(const event_writer&) = delete;
  event_writer& operator=(const event_writer&) = delete;

  [[nodiscard]] awaitable<result<bool>> subscribe(std::optional<model::job_id> job) {
    actors::subscribe command{job, buffer_};
    return ask(x_, x_.app().with.actors.hub, std::move(command), x_.app().options.request_timeout);
  }
  [[nodiscard]] awaitable<bool> start() {
    is_open_ = co_await x_.send_head(stream_head(), std::nullopt);
    text_ = "retry: 2000\n\n";
    co_return is_open_;
  }
  /// @param with_id  whether a client may resume after it
  void add(const model::job_event& event, bool with_id) {
    if (with_id) fmt::format_to(std::back_inserter(text_), "id: {}\n", event.revision);
    fmt::format_to(std::back_inserter(text_), "event: {}\ndata: ", event.type);
    json::write_event(text_, event);
    text_ += "\n\n";
    ++x_.app().counts.events_sent;
  }
  void add(const model::progress_event& event) {
    text_ += "event: progress\ndata: ";
    json::write_progress(text_, event);
    text_ += "\n\n";
    ++x_.app().counts.events_sent;
  }
  void add_raw(std::string_view text) { text_ += text; }
  [[nodiscard]] bool is_large() const { return text_.size() >= flush_bytes; }
  [[nodiscard]] awaitable<bool> flush() {
    if (!text_.empty() && is_open_) {
      is_open_ = co_await x_.send(text_);
      text_.clear();
      silent_since_ = steady_clock::now();
    }
    co_return is_open_;
  }
  /// Waits for news; keeps the connection alive meanwhile. @returns false when the stream must end.
  [[nodiscard]] awaitable<bool> wait() {
    while (!buffer_->has_news()) {
      if (x_.has_left()) co_return false;
      if (x_.is_stopping()) {
        add_raw(": the node is shutting down\n\n");
        (void)co_await flush();
        co_return false;
      }
      const auto next = silent_since_ + x_.app().options.keep_alive_interval;
      if (steady_clock::now() >= next) {
        add_raw(": keep-alive\n\n");
        if (!co_await flush()) co_return false;
        continue;
      }
      co_await x_.wait(next);
    }
    co_return true;
  }
  [[nodiscard]] event_buffer::contents take() {
    auto taken = buffer_->take();
    x_.app().counts.progress_dropped += taken.progress_dropped;
    return taken;
  }

 private:
  exchange& x_;
  stream_gauge gauge_;
  std::shared_ptr<event_buffer> buffer_;
  std::string text_;
  bool is_open_ = false;
  steady_clock::time_point silent_since_ = steady_clock::now();
};

/// The stream of one job: the journal from a revision on, then live. Revisions grow strictly; where one is missing among the
/// live events, the journal is read again.
class job_stream {
 public:
  job_stream(exchange& x, model::job_id id, std::uint64_t after) : x_(x), id_(id), last_(after), out_(x) {}

  awaitable<response> run() {
    const auto subscribed = co_await out_.subscribe(id_);
    if (!subscribed) co_return problem(subscribed.error());
    actors::get_job query{std::string{only_tenant}, id_};
    const auto job = co_await ask(x_, x_.app().with.actors.jobs, std::move(query), x_.app().options.request_timeout);
    if (!job) co_return problem(job.error());
    const bool is_ahead = last_ > job->revision;
    if (is_ahead) last_ = 0;
    auto first = co_await read_journal();
    if (!first) co_return problem(first.error());
    if (first->empty() && is_final(job->state)) co_return nothing_more();
    if (!co_await out_.start()) co_return response{};
    if (is_ahead)
      out_.add_raw(fmt::format("event: resync\ndata: {{\"job\":\"{}\",\"revision\":{}}}\n\n", id_.text(), job->revision));
    response done;
    done.sent = co_await replay(std::move(*first)) && co_await follow();
    co_return done;
  }

 private:
  /// Tells an EventSource not to come back.
  static response nothing_more() {
    response out;
    out.status = 204;
    return out;
  }

  awaitable<actors::events_reply> read_journal() {
    actors::get_events query{std::string{only_tenant}, id_, last_, journal_page};
    return ask(x_, x_.app().with.actors.jobs, std::move(query), x_.app().options.request_timeout);
  }

  void add(const model::job_event& event) {
    if (event.revision <= last_ || is_over_) return;
    last_ = event.revision;
    is_over_ = ends_a_job(event.type);
    out_.add(event, true);
  }

  /// Sends a page of the journal and all that follow. @returns false if the stream broke.
  awaitable<bool> replay(std::vector<model::job_event> page) {
    while (true) {
      const auto before = last_;
      for (const auto& event : page) {
        add(event);
        if (out_.is_large() && !co_await out_.flush()) co_return false;
      }
      if (is_over_ || page.size() < journal_page || last_ == before) break;
      auto next = co_await read_journal();
      if (!next) co_return false;
      page = std::move(*next);
    }
    co_return co_await out_.flush();
  }

  awaitable<bool> catch_up() {
    ++x_.app().counts.journal_rereads;
    auto page = co_await read_journal();
    if (!page) co_return false;
    co_return co_await replay(std::move(*page));
  }

  awaitable<bool> follow() {
    while (!is_over_) {
      if (!co_await out_.wait()) co_return true;
      const auto news = out_.take();
      if (news.lost && !co_await catch_up()) co_return false;
      for (const auto& event : news.events) {
        if (is_over_) break;
        if (const auto* progress = std::get_if<model::progress_event>(event.get())) {
          out_.add(*progress);
        } else {
          const auto& journalled = std::get<model::job_event>(*event);
          if (journalled.revision > last_ + 1 && !co_await catch_up()) co_return false;
          add(journalled);
        }
        if (out_.is_large() && !co_await out_.flush()) co_return false;
      }
      if (!co_await out_.flush()) co_return false;
    }
    co_return true;
  }

  exchange& x_;
  model::job_id id_;
  std::uint64_t last_;  ///< the revision that the client has
  bool is_over_ = false;
  event_writer out_;
};

result<std::uint64_t> cursor_of(const request& in) {
  const auto* header = in.find_header("Last-Event-ID");
  const auto* query = in.find_query("after");
  if (!header && !query) return std::uint64_t{0};
  const auto number = to_number(header ? *header : std::string_view{*query});
  if (!number) return error{errc::bad_request, "Last-Event-ID (or after) must be the id of an event: a revision of the job"};
  return *number;
}

}  // namespace

awaitable<response> job_events(exchange& x) {
  const auto id = model::job_id::from_text(x.parameter);
  if (!id)
    co_return problem(error{errc::not_found, fmt::format("'{}' is no job id; one has 16 hexadecimal digits", x.parameter)});
  if (const auto known = allow_query(x.in, {"after"}); !known) co_return problem(known.error());
  const auto after = cursor_of(x.in);
  if (!after) co_return problem(after.error());
  if (x.in.verb == method::head) co_return stream_head();
  job_stream stream{x, *id, *after};
  co_return co_await stream.run();
}

awaitable<response> all_events(exchange& x) {
  if (x.in.verb == method::head) co_return stream_head();
  event_writer out{x};
  const auto subscribed = co_await out.subscribe(std::nullopt);
  if (!subscribed) co_return problem(subscribed.error());
  if (!co_await out.start() || !co_await out.flush()) co_return response{};
  response done;
  while (co_await out.wait()) {
    const auto news = out.take();
    if (news.lost) out.add_raw("event: resync\ndata: {}\n\n");  // look at the list again: something was missed
    for (const auto& event : news.events) {
      if (const auto* progress = std::get_if<model::progress_event>(event.get())) {
        out.add(*progress);
      } else {
        out.add(std::get<model::job_event>(*event), false);
      }
    }
    if (!co_await out.flush()) co_return done;
  }
  done.sent = true;
  co_return done;
}

}  // namespace troupe::http::endpoints
