#include "unit/http/client.hpp"
#include "unit/http/fakes.hpp"

#include <doctest/doctest.h>

#include <charconv>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::http::testing;

namespace {

std::string path_of(model::job_id id) { return "/v1/jobs/" + id.text(); }

/// Opens a stream and reads its head. The subscription is in force when the head has come.
answer open_stream(client& c, const std::string& target, std::string_view headers = "") {
  c.send("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + std::string{headers} + "\r\n");
  return c.read_head().value();
}

/// The ids of the events in a stream's text, in order.
std::vector<int> ids_in(const std::string& text) {
  std::vector<int> out;
  for (std::size_t at = 0; (at = text.find("id: ", at)) != std::string::npos; ++at)
    std::from_chars(text.data() + at + 4, text.data() + text.size(), out.emplace_back());
  return out;
}

std::vector<int> numbers(int from, int to) {
  std::vector<int> out;
  for (int i = from; i <= to; ++i) out.push_back(i);
  return out;
}

template <class Condition>
void until(Condition condition) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (!condition()) {
    REQUIRE(std::chrono::steady_clock::now() < limit);
    std::this_thread::yield();
  }
}

}  // namespace

TEST_CASE("a stream replays the journal, follows the job and ends with it") {
  served s;
  const auto id = s.add_job();
  s.w.happen(id, "attempt_started");
  client c{s.port()};
  const auto head = open_stream(c, path_of(id) + "/events");
  CHECK(head.status == 200);
  CHECK(head.header("content-type") == "text/event-stream");
  CHECK(head.header("x-accel-buffering") == "no");
  CHECK(head.header("cache-control") == "no-store");
  s.w.progress(id, 500);
  s.w.happen(id, "stage_done");
  s.w.happen(id, "succeeded");
  const auto text = c.read_until("\r\n0\r\n\r\n").value();
  CHECK(ids_in(text) == numbers(1, 4));
  CHECK(text.find("event: progress\ndata: {\"job\":\"" + id.text()) != std::string::npos);
  CHECK(text.find("event: succeeded\n") != std::string::npos);
  until([&] { return s.w.live_listeners() == 0; });
}

TEST_CASE("a stream goes on after the event that the client has seen") {
  served s;
  const auto id = s.add_job();
  for (int i = 0; i < 3; ++i) s.w.happen(id, "stage_done");
  s.w.happen(id, "succeeded");
  client c{s.port()};
  open_stream(c, path_of(id) + "/events", "Last-Event-ID: 3\r\n");
  CHECK(ids_in(c.read_until("\r\n0\r\n\r\n").value()) == numbers(4, 5));
  CHECK(ask(s.port(), "GET", path_of(id) + "/events?after=5").status == 204);  // nothing will come any more
  CHECK(ask(s.port(), "GET", path_of(id) + "/events?after=x").status == 400);
}

TEST_CASE("a cursor beyond the job starts over and says so") {
  served s;
  const auto id = s.add_job();
  s.w.happen(id, "succeeded");
  client c{s.port()};
  open_stream(c, path_of(id) + "/events?after=99");
  const auto text = c.read_until("\r\n0\r\n\r\n").value();
  CHECK(text.find("event: resync\n") != std::string::npos);
  CHECK(ids_in(text) == numbers(1, 2));
}

TEST_CASE("events that come while the journal is read are sent once") {
  served s;
  const auto id = s.add_job();
  s.w.before_get_answer = [&] {  // after the subscription, before the journal is read: the event is in both
    s.w.happen(id, "stage_done");
  };
  client c{s.port()};
  open_stream(c, path_of(id) + "/events");
  s.w.happen(id, "succeeded");
  CHECK(ids_in(c.read_until("\r\n0\r\n\r\n").value()) == numbers(1, 3));
}

TEST_CASE("an event that the hub lost is read from the journal") {
  served s;
  const auto id = s.add_job();
  client c{s.port()};
  open_stream(c, path_of(id) + "/events");
  CHECK(c.read_until("event: submitted"));
  s.w.happen(id, "attempt_started", true);
  s.w.happen(id, "stage_done", true);
  s.w.happen(id, "succeeded");
  CHECK(ids_in(c.read_until("\r\n0\r\n\r\n").value()) == numbers(2, 4));
}

TEST_CASE("a slow reader misses progress but no journalled event") {
  served s{[](auto& options) {
    options.stream_events_most = 8;
    options.stream_bytes_most = 16_KiB;
  }};
  const auto id = s.add_job();
  client c{s.port(), 4096};
  open_stream(c, path_of(id) + "/events");
  constexpr int many = 20000;  // far more than socket buffers hold
  for (int i = 0; i < many; ++i) {
    s.w.progress(id, static_cast<std::uint32_t>(i % 1000));
    s.w.happen(id, "stage_done");
  }
  s.w.happen(id, "succeeded");
  CHECK(ids_in(c.read_until("\r\n0\r\n\r\n").value()) == numbers(1, many + 2));
  const auto metrics = ask(s.port(), "GET", "/metrics").body;
  CHECK(metrics.find("troupe_http_journal_rereads_total 0\n") == std::string::npos);
  CHECK(metrics.find("troupe_http_progress_dropped_total 0\n") == std::string::npos);
}

TEST_CASE("a client that leaves frees its stream at once") {
  served s;
  const auto id = s.add_job();
  client c{s.port()};
  open_stream(c, path_of(id) + "/events");
  until([&] { return s.w.live_listeners() == 1; });
  c.close();
  until([&] { return s.w.live_listeners() == 0; });
  until([&] { return ask(s.port(), "GET", "/metrics").body.find("troupe_http_streams 0\n") != std::string::npos; });
}

TEST_CASE("a silent stream sends comments") {
  served s{[](auto& options) { options.keep_alive_interval = std::chrono::milliseconds{60}; }};
  const auto id = s.add_job();
  client c{s.port()};
  open_stream(c, path_of(id) + "/events");
  CHECK(c.read_until(": keep-alive\n\n"));
  CHECK(c.read_until(": keep-alive\n\n"));
}

TEST_CASE("the stream of all jobs is live only") {
  served s;
  const auto a = s.add_job();
  const auto b = s.add_job();
  client c{s.port()};
  open_stream(c, "/v1/events");
  s.w.happen(a, "stage_done");
  s.w.progress(b, 10);
  s.w.happen(b, "succeeded");
  const auto text = c.read_until("event: succeeded").value();
  CHECK(text.find("\"job\":\"" + a.text()) != std::string::npos);
  CHECK(text.find("submitted") == std::string::npos);
  CHECK(ids_in(text).empty());
}

TEST_CASE("a long poll answers when the job ends, and not before") {
  served s;
  const auto id = s.add_job();
  client c{s.port()};
  c.send("GET " + path_of(id) + "?wait=30s HTTP/1.1\r\nHost: localhost\r\n\r\n");
  until([&] { return s.w.live_listeners() == 1; });
  s.w.happen(id, "stage_done");
  s.w.progress(id, 5);
  s.w.happen(id, "succeeded");
  const auto got = c.read_answer().value();
  CHECK(got.status == 200);
  CHECK(got.body.find("\"state\":\"succeeded\"") != std::string::npos);
  until([&] { return s.w.live_listeners() == 0; });
}

TEST_CASE("a change between the first look and the subscription is not missed by a long poll") {
  served s;
  const auto id = s.add_job();
  s.w.before_get_answer = [&] { s.w.happen(id, "succeeded"); };
  CHECK(ask(s.port(), "GET", path_of(id) + "?wait=30s").body.find("succeeded") != std::string::npos);
}

TEST_CASE("a long poll with a tag answers at the next revision, or 304 when the wait is over") {
  served s;
  const auto id = s.add_job();
  CHECK(ask(s.port(), "GET", path_of(id), "If-None-Match: \"1\"\r\n").status == 304);
  CHECK(ask(s.port(), "GET", path_of(id), "If-None-Match: W/\"9\", \"1\"\r\n").status == 304);
  CHECK(ask(s.port(), "GET", path_of(id), "If-None-Match: \"2\"\r\n").status == 200);
  CHECK(ask(s.port(), "GET", path_of(id) + "?wait=50ms", "If-None-Match: \"1\"\r\n").status == 304);
  CHECK(ask(s.port(), "GET", path_of(id) + "?wait=50ms").status == 200);
  CHECK(ask(s.port(), "GET", path_of(id) + "?wait=soon").status == 400);
  client c{s.port()};
  c.send("GET " + path_of(id) + "?wait=30s HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: \"1\"\r\n\r\n");
  until([&] { return s.w.live_listeners() == 1; });
  s.w.happen(id, "stage_done");
  const auto got = c.read_answer().value();
  CHECK(got.status == 200);
  CHECK(got.header("etag") == "\"2\"");
}

TEST_CASE("stopping ends streams and long polls politely and refuses nothing half way") {
  served s;
  const auto id = s.add_job();
  client stream{s.port()};
  open_stream(stream, path_of(id) + "/events");
  client poll{s.port()};
  poll.send("GET " + path_of(id) + "?wait=60s HTTP/1.1\r\nHost: localhost\r\n\r\n");
  client idle{s.port()};
  CHECK(idle.ask("GET", "/healthz").status == 200);
  until([&] { return s.w.live_listeners() == 2; });
  s.running->stop(std::chrono::milliseconds{10000});
  CHECK(stream.read_to_end().find(": the node is shutting down\n\n") != std::string::npos);
  CHECK(poll.read_answer().value().status == 200);
  CHECK(idle.is_closed_by_server());
}
