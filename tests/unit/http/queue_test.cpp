#include "unit/http/client.hpp"
#include "unit/http/fakes.hpp"

#include <doctest/doctest.h>
#include <boost/json/parse.hpp>

using namespace troupe;
using namespace troupe::http::testing;

// Goal: what an operator says of the queue reaches the node, and nothing else does. Method: requests, and what the fake was told.
namespace {

using action = actors::change_queue::action;

std::string reason_of(std::size_t bytes) { return R"({"reason":")" + std::string(bytes, 'x') + R"("})"; }

}  // namespace

TEST_CASE("a pause has a pipeline and a reason, or neither, and a resume has no reason") {
  served s;
  const auto paused = ask(s.port(), "POST", "/v1/queue/pause", json_type, R"({"pipeline":"talk","reason":"caf\u00e9"})");
  CHECK(paused.status == 200);
  const auto body = boost::json::parse(paused.body);
  CHECK(body.at("changed") == true);
  CHECK(body.at("pauses").at(0).at("pipeline") == "talk");
  CHECK(boost::json::parse(ask(s.port(), "POST", "/v1/queue/pause", json_type, R"({"pipeline":"talk"})").body).at("changed")
        == false);
  CHECK(ask(s.port(), "POST", "/v1/queue/pause").status == 200);
  CHECK(boost::json::parse(ask(s.port(), "GET", "/v1/queue").body).at("pauses").at(1).at("pipeline").is_null());
  CHECK(ask(s.port(), "POST", "/v1/queue/resume", json_type, "{}").status == 200);
  CHECK(ask(s.port(), "POST", "/v1/queue/resume", json_type, R"({"pipeline":"never-heard-of"})").status == 200);
  const std::lock_guard lock{s.w.mutex};
  REQUIRE(s.w.queue_changes.size() == 5);
  CHECK(s.w.queue_changes[0].of == model::paused_scope{"talk"});
  CHECK(s.w.queue_changes[0].reason == "caf\xc3\xa9");
  CHECK(s.w.queue_changes[2].of == std::nullopt);
  CHECK(s.w.queue_changes[3].what == action::resume);
}

TEST_CASE("an unknown pipeline is refused, unless jobs have it") {
  served s;
  const auto refused = ask(s.port(), "POST", "/v1/queue/pause", json_type, R"({"pipeline":"tlak"})");
  CHECK(refused.status == 404);
  CHECK(refused.header("content-type") == "application/problem+json");
  CHECK(refused.body.find("there is no pipeline 'tlak' at this node, and no job of one") != std::string::npos);
  {
    const std::lock_guard lock{s.w.mutex};
    CHECK(s.w.queue_changes.empty());
    s.w.jobs_of["tlak"] = 1;
  }
  CHECK(ask(s.port(), "POST", "/v1/queue/pause", json_type, R"({"pipeline":"tlak"})").status == 200);
  {
    const std::lock_guard lock{s.w.mutex};
    s.w.jobs_of.clear();
  }
  CHECK(ask(s.port(), "POST", "/v1/queue/pause", json_type, R"({"pipeline":"tlak"})").status == 200);  // it is paused
}

TEST_CASE("a pause that is none is refused, and says what one is") {
  served s;
  for (const auto* body : {R"({"pipeline":5})", R"({"pipeline":""})", R"({"why":"x"})", R"({"reason":null})", "[]", "{",
                           R"({"reason":"two\nlines"})", R"({"reason":"\u001b[31m"})"}) {
    CAPTURE(body);
    CHECK(ask(s.port(), "POST", "/v1/queue/pause", json_type, body).status == 400);
  }
  CHECK(ask(s.port(), "POST", "/v1/queue/pause", json_type, reason_of(200)).status == 200);
  const auto too_long = ask(s.port(), "POST", "/v1/queue/pause", json_type, reason_of(201));
  CHECK(too_long.status == 400);
  CHECK(too_long.body.find("more than 200 bytes") != std::string::npos);
  CHECK(ask(s.port(), "POST", "/v1/queue/resume", json_type, R"({"reason":"x"})").status == 400);
  CHECK(ask(s.port(), "POST", "/v1/queue/pause", "Content-Type: text/plain\r\n", "{}").status == 415);
  const std::lock_guard lock{s.w.mutex};
  CHECK(s.w.queue_changes.size() == 1);
}
