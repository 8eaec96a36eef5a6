#include "cli/render.hpp"

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>

using namespace troupe;
using namespace troupe::cli;

TEST_CASE("the picture has a headline and a bar for each stage") {
  job_progress job{.id = "00ab", .pipeline = "video-message", .state = "running", .revision = 4, .permille = 512};
  job.stages.push_back({.name = "speak", .state = "done", .attempts = 2, .permille = 1000});
  job.stages.push_back({.name = "animate",
                        .state = "running",
                        .attempts = 1,
                        .permille = 500,
                        .frames_done = 210,
                        .frames_total = 420,
                        .eta = 12s,
                        .message = "zoom"});
  job.stages.push_back({.name = "matte",
                        .state = "backing_off",
                        .attempts = 2,
                        .permille = 0,
                        .failed = "crashed: signal 9",
                        .retry_at_ms = 14'000});
  job.stages.push_back({.name = "join", .state = "waiting", .reason = "needs animate"});

  CHECK(render_bars(job, 100, 10'000)
        == std::vector<std::string>{"video-message 00ab  running  51%",  //
                                    "  speak   [########################] 100%  done after 2 tries",
                                    "  animate [############............]  50%  210/420 frames, 0:12 left, zoom",
                                    "  matte   [........................]   0%  attempt 2 crashed: signal 9; next try in 0:04",
                                    "  join    [........................]   0%  waiting: needs animate"});
}

TEST_CASE("no line is wider than the terminal, and letters are not cut in half") {
  job_progress job{.id = "00ab", .pipeline = "p", .state = "running"};
  job.stages.push_back({.name = "speak", .state = "running", .message = std::string(300, 'x')});
  for (const auto& line : render_bars(job, 60, 0)) CHECK(line.size() <= 60);
  CHECK(fit("größer als das", 8) == "größe...");
  CHECK(fit("größer", 6) == "größer");
}

TEST_CASE("control characters of a worker's message do not reach the terminal") {
  CHECK(fit("a\x1b[31mb\nc\x7f", 50) == "a [31mb c ");
}

TEST_CASE("journalled events are told in a line each") {
  const auto line = [](std::string type, std::string_view data) {
    return describe({std::move(type), 1, json::parse(data).get_object()});
  };
  CHECK(line("attempt_started", R"({"stage":"a","instance":0,"attempt":1})") == "a: attempt 1 started");
  CHECK(line("attempt_failed", R"({"stage":"a","instance":2,"attempt":3,"cause":"hung","detail":"no sign of life"})")
        == "a[2]: attempt 3 hung: no sign of life");
  CHECK(line("dead", R"({"stage":"a","cause":"hung","detail":""})") == "dead: hung");
  CHECK(line("succeeded", "{}") == "succeeded");
  CHECK(line("something_new", "{}").empty());
}
