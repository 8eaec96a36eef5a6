#include "unit/http/client.hpp"
#include "unit/http/fakes.hpp"

#include <doctest/doctest.h>
#include <boost/json/parse.hpp>

#include <random>
#include <set>
#include <thread>

using namespace troupe;
using namespace troupe::http::testing;

namespace {

std::string code_of(const answer& a) { return std::string{boost::json::parse(a.body).as_object().at("code").as_string()}; }
constexpr std::string_view good = R"({"pipeline":"talk","inputs":{"text":"hello"}})";

/// Sends bytes on a connection of their own and reads one answer.
answer raw(std::uint16_t port, std::string_view bytes) {
  client c{port};
  c.send(bytes);
  return c.read_answer().value();
}

}  // namespace

TEST_CASE("a server listens on a free port and says which addresses it may not") {
  served s;
  CHECK(ask(s.port(), "GET", "/healthz").body == "ok\n");
  http::server_options open;
  open.address = "0.0.0.0";
  const http::services with{s.system, s.handles, s.artifacts, s.pipelines, {}};
  const auto refused = http::server::start(open, with);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().detail.find("no certificate") != std::string::npos);
  http::server_options taken;
  taken.port = s.port();
  const auto busy = http::server::start(taken, with);
  REQUIRE_FALSE(busy.has_value());
  CHECK(busy.error().code == errc::io_failed);
}

TEST_CASE("the node tells of itself") {
  served s;
  CHECK(ask(s.port(), "GET", "/readyz").status == 200);
  CHECK(boost::json::parse(ask(s.port(), "GET", "/v1/node").body).at("id") == "0000000000000abc");
  s.w.is_ready = false;
  const auto not_ready = ask(s.port(), "GET", "/readyz");
  CHECK(not_ready.status == 503);
  CHECK(not_ready.body == R"({"ready":false,"reason":"no leader yet"})");
  const auto metrics = ask(s.port(), "GET", "/metrics").body;
  CHECK(metrics.find("troupe_http_requests_total{route=\"node\",status=\"5xx\"} 1\n") != std::string::npos);
  CHECK(metrics.find("troupe_fake 1\n") != std::string::npos);
  CHECK(boost::json::parse(ask(s.port(), "GET", "/v1/pipelines").body).at("pipelines").as_array().size() == 2);
  CHECK(ask(s.port(), "GET", "/v1/pipelines/talk").status == 200);
  CHECK(ask(s.port(), "GET", "/v1/pipelines/nope").status == 404);
}

TEST_CASE("a node whose disk is full is not ready, and says so, until there is room") {
  std::atomic<bool> is_full = true;
  served s{{}, [&](http::services with) {
             with.is_disk_full = &is_full;
             return with;
           }};
  const auto full = ask(s.port(), "GET", "/readyz");
  CHECK(full.status == 503);
  CHECK(full.body.find("the node's disk is full") != std::string::npos);
  is_full = false;
  CHECK(ask(s.port(), "GET", "/readyz").status == 200);
}

TEST_CASE("jobs are listed and cancelled") {
  served s;
  const auto a = s.add_job();
  s.add_job(model::job_state::failed);
  const auto page = boost::json::parse(ask(s.port(), "GET", "/v1/jobs?limit=1").body);
  CHECK(page.at("jobs").as_array().size() == 1);
  CHECK(page.at("next_cursor").is_string());
  CHECK(page.at("as_of") == 7);
  CHECK_FALSE(page.at("jobs").as_array()[0].as_object().contains("stages"));
  CHECK(boost::json::parse(ask(s.port(), "GET", "/v1/jobs?state=failed").body).at("jobs").as_array().size() == 1);
  for (const auto* query : {"state=gone", "limit=0", "limit=501", "limit=x", "label=x", "limt=1"}) {
    CAPTURE(query);
    CHECK(ask(s.port(), "GET", "/v1/jobs?" + std::string{query}).status == 400);
  }
  const auto path = "/v1/jobs/" + a.text() + "/cancel";
  CHECK(ask(s.port(), "POST", path, "Content-Type: text/plain\r\n", "{}").status == 415);
  CHECK(ask(s.port(), "POST", path, "", "{}").status == 415);
  CHECK(ask(s.port(), "POST", path, json_type, R"({"raeson":"x"})").status == 400);
  CHECK(boost::json::parse(ask(s.port(), "POST", path).body).at("state") == "cancelled");
  CHECK(ask(s.port(), "POST", path, json_type, R"({"reason":"again"})").status == 200);
  CHECK(ask(s.port(), "GET", "/v1/jobs/xyz").status == 404);
  CHECK(ask(s.port(), "POST", "/v1/jobs/00000000000000ff/cancel").status == 404);
}

TEST_CASE("nodes are listed, drained, resumed and taken out") {
  served s;
  using action = actors::change_node::action;
  const auto listed = boost::json::parse(ask(s.port(), "GET", "/v1/nodes").body).at("nodes").as_array();
  REQUIRE(listed.size() == 1);
  CHECK(listed[0].at("state") == "active");
  const std::string node = "/v1/nodes/0000000000000abc";
  const auto drained = boost::json::parse(ask(s.port(), "POST", node + "/drain", json_type, R"({"deadline_ms":1500})").body);
  CHECK(drained.at("nodes").at(0).at("state") == "draining");
  CHECK(drained.at("nodes").at(0).at("tasks") == 1);
  CHECK(ask(s.port(), "POST", node + "/drain").status == 200);
  CHECK(ask(s.port(), "POST", node + "/resume").status == 200);
  CHECK(ask(s.port(), "DELETE", node).status == 409);
  REQUIRE(s.w.node_changes.size() == 4);
  CHECK(s.w.node_changes[0].what == action::drain);
  CHECK(s.w.node_changes[0].node == model::node_id{0xabc});
  CHECK(s.w.node_changes[0].hand_back_after == 1500ms);
  CHECK_FALSE(s.w.node_changes[1].hand_back_after.has_value());
  CHECK(s.w.node_changes[2].what == action::resume);
  CHECK(s.w.node_changes[3].what == action::remove);
  for (const auto* body : {R"({"deadline_ms":-1})", R"({"deadline_ms":"1s"})", R"({"dedline_ms":1})", "[]", "{"}) {
    CAPTURE(body);
    CHECK(ask(s.port(), "POST", node + "/drain", json_type, body).status == 400);
  }
  CHECK(ask(s.port(), "POST", node + "/drain", "Content-Type: text/plain\r\n", "{}").status == 415);
  CHECK(ask(s.port(), "DELETE", node, "Sec-Fetch-Site: cross-site\r\n").status == 403);
  for (const auto* id : {"abc", "0000000000000000", "0000000000000abg", "00000000000000001"}) {
    CAPTURE(id);
    CHECK(ask(s.port(), "DELETE", "/v1/nodes/" + std::string{id}).status == 404);
  }
  CHECK(ask(s.port(), "POST", "/v1/nodes/00000000000000ff/resume").status == 404);
  CHECK(s.w.node_changes.size() == 5);
}

TEST_CASE("the cluster is shown with what is wrong and what was decided") {
  served s;
  const auto cluster = boost::json::parse(ask(s.port(), "GET", "/v1/cluster").body).as_object();
  CHECK(cluster.at("leader") == "0000000000000abc");
  CHECK(cluster.at("version") == 2);
  CHECK(cluster.at("losses_survived") == 0);
  const auto& node = cluster.at("nodes").at(0).as_object();
  CHECK(node.at("program") == "0.9");
  CHECK(node.at("domain") == "rack");
  CHECK(node.at("roles") == boost::json::array{"store"});
  CHECK(node.at("behind") == 0);
  CHECK(cluster.at("alarms").at(0).at("code") == "node_silent");
  CHECK(cluster.at("decisions").at(0).at("at") == "2026-01-01T00:00:00.000Z");
  CHECK(cluster.at("decisions").at(0).at("what") == "members_changed");
}

TEST_CASE("a drain can be asked for what it would do, and then changes nothing") {
  served s;
  const std::string node = "/v1/nodes/0000000000000abc/drain";
  const auto plan = boost::json::parse(ask(s.port(), "POST", node, json_type, R"({"dry_run":true})").body).as_object();
  CHECK(plan.at("tasks") == 2);
  CHECK(plan.at("labels_lost") == boost::json::array{"gpu"});
  CHECK(plan.at("removable_then") == false);
  CHECK(s.w.node_changes.empty());
  CHECK(ask(s.port(), "POST", "/v1/nodes/00000000000000ff/drain", json_type, R"({"dry_run":true})").status == 404);
  CHECK(ask(s.port(), "POST", node, json_type, R"({"dry_run":1})").status == 400);
  CHECK(ask(s.port(), "POST", node, json_type, R"({"dry_run":false,"deadline_ms":5})").status == 200);
  CHECK(s.w.node_changes.size() == 1);
}

TEST_CASE("what is not there, not allowed or not ours gets a problem document") {
  served s;
  CHECK(code_of(ask(s.port(), "GET", "/nope")) == "not_found");
  const auto wrong = ask(s.port(), "DELETE", "/v1/jobs");
  CHECK(wrong.status == 405);
  CHECK(wrong.header("allow") == "GET, HEAD, POST");
  CHECK(raw(s.port(), "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n").status == 421);
  CHECK(raw(s.port(), "GET / HTTP/1.1\r\n\r\n").status == 400);
  CHECK(raw(s.port(), "GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n").status == 400);
  CHECK(ask(s.port(), "POST", "/v1/jobs", "Origin: http://evil.example\r\n" + std::string{json_type}, good).status == 403);
  for (const auto* type : {"", "Content-Type: text/plain\r\n", "Content-Type: application/x-www-form-urlencoded\r\n"}) {
    CHECK(ask(s.port(), "POST", "/v1/jobs", type, good).status == 415);
  }
  CHECK(ask(s.port(), "POST", "/v1/jobs", std::string{json_type} + "Expect: wonders\r\n", good).status == 417);
  CHECK(s.w.submissions.empty());
}

TEST_CASE("what is no HTTP is answered and the connection ends") {
  served s;
  for (const auto* bytes :
       {"nonsense\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/1.1\r\nbad header\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\r\n\r\n"}) {
    CAPTURE(bytes);
    client c{s.port()};
    c.send(bytes);
    const auto got = c.read_answer().value();
    CHECK(got.status == 400);
    CHECK(got.header("connection") == "close");
    CHECK(c.is_closed_by_server());
  }
  CHECK(raw(s.port(), "GET / HTTP/3.0\r\nHost: localhost\r\n\r\n").status == 505);
  CHECK(raw(s.port(), "GET / HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(20000, 'x') + "\r\n\r\n").status == 431);
  CHECK(raw(s.port(), "GET /" + std::string(30000, 'x')).status == 431);
}

TEST_CASE("bodies have limits") {
  served s{[](auto& options) { options.json_most = bytes{1000}; }};
  CHECK(ask(s.port(), "POST", "/v1/jobs", json_type, std::string(1001, ' ')).status == 413);
  client c{s.port()};
  c.send("POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 11; ++i) c.send("64\r\n" + std::string(100, ' ') + "\r\n");
  CHECK(c.read_answer().value().status == 413);
  CHECK(raw(s.port(),
            "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: "
            "chunked\r\n\r\nzz\r\n")
            .status
        == 400);
}

TEST_CASE("clients that are too slow are told so and let go") {
  served s{[](auto& options) {
    options.header_timeout = std::chrono::milliseconds{60};
    options.body_timeout = std::chrono::milliseconds{60};
    options.idle_timeout = std::chrono::milliseconds{60};
  }};
  CHECK(raw(s.port(), "GET / HTTP/1.1\r\nHost:").status == 408);
  CHECK(
      raw(s.port(), "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{")
          .status
      == 408);
  client idle{s.port()};
  CHECK(idle.is_closed_by_server());
}

TEST_CASE("one connection serves many requests, also those sent ahead") {
  served s;
  client c{s.port()};
  std::string ahead;
  for (int i = 0; i < 50; ++i) {
    ahead += "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
             + std::to_string(good.size()) + "\r\n\r\n" + std::string{good};
    ahead += "\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  }
  c.send(ahead);
  for (int i = 1; i <= 50; ++i) {
    const auto job = c.read_answer().value();
    CHECK(job.status == 202);
    CHECK(boost::json::parse(job.body).at("id") == boost::json::string{model::job_id{static_cast<std::uint64_t>(i)}.text()});
    CHECK(c.read_answer().value().body == "ok\n");
  }
}

TEST_CASE("many connections are served side by side, on several event loops") {
  served s{[](auto& options) { options.threads = 3; }};
  std::vector<std::thread> threads;
  std::atomic<int> done{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      client c{s.port()};
      for (int i = 0; i < 100; ++i) {
        if (c.ask("POST", "/v1/jobs", json_type, good).status == 202 && c.ask("GET", "/v1/jobs/0000000000000001").status == 200)
          ++done;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(done == 800);
  CHECK(s.w.jobs.size() == 800);
}

TEST_CASE("HTTP/1.0, Connection: close, HEAD and Expect: 100-continue are honoured") {
  served s;
  client old{s.port()};
  old.send("GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n");
  CHECK(old.read_answer().value().header("connection") == "close");
  CHECK(old.is_closed_by_server());
  client old_alive{s.port()};
  old_alive.send("GET /healthz HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n");
  CHECK(old_alive.read_answer().value().header("connection") == "keep-alive");
  CHECK(old_alive.ask("GET", "/healthz").status == 200);
  client closing{s.port()};
  CHECK(closing.ask("GET", "/healthz", "Connection: close\r\n").header("connection") == "close");
  CHECK(closing.is_closed_by_server());
  client head{s.port()};
  const auto got = head.ask("HEAD", "/healthz");
  CHECK(got.header("content-length") == "3");
  CHECK(head.ask("GET", "/healthz").body == "ok\n");
  client expects{s.port()};
  expects.send(
      "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: "
      + std::to_string(good.size()) + "\r\n\r\n");
  CHECK(expects.read_answer().value().status == 100);
  expects.send(good);
  CHECK(expects.read_answer().value().status == 202);
}

TEST_CASE("a client that leaves while its request waits frees the connection") {
  served s;
  s.w.is_silent = true;
  {
    client c{s.port()};
    c.send("GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  s.running->stop(std::chrono::milliseconds{8000});  // less than the request's own limit: it ended because the client left
  CHECK_THROWS(client{s.port()});
}

TEST_CASE("connections over the limit are refused with the time to come back") {
  served s{[](auto& options) { options.connections_most = 2; }};
  client a{s.port()};
  client b{s.port()};
  CHECK(a.ask("GET", "/healthz").status == 200);
  CHECK(b.ask("GET", "/healthz").status == 200);
  client c{s.port()};
  const auto refused = c.read_answer().value();
  CHECK(refused.status == 503);
  CHECK(refused.header("retry-after") == "1");
}

TEST_CASE("a draining server answers everything, but takes no job and is not ready") {
  served s;
  s.running->drain();
  CHECK(ask(s.port(), "GET", "/healthz").status == 200);
  CHECK(ask(s.port(), "GET", "/readyz").status == 503);
  CHECK(boost::json::parse(ask(s.port(), "GET", "/v1/node").body).at("stopping") == true);
  const auto refused = ask(s.port(), "POST", "/v1/jobs", json_type, R"({"pipeline":"talk","inputs":{"text":"x"}})");
  CHECK(refused.status == 503);
  CHECK(refused.header("retry-after") == "5");
  CHECK(s.w.submissions.empty());
}

TEST_CASE("all pages of a list can be walked, whatever stands in a cursor") {
  served s;
  for (int i = 0; i < 7; ++i) s.add_job();
  std::set<std::string> seen;
  std::string cursor;
  do {
    const auto page = boost::json::parse(ask(s.port(), "GET", "/v1/jobs?limit=3" + cursor).body);
    for (const auto& job : page.at("jobs").as_array()) seen.emplace(job.at("id").as_string());
    cursor = page.at("next_cursor").is_null() ? "" : "&cursor=" + std::string{page.at("next_cursor").as_string()};
  } while (!cursor.empty());
  CHECK(seen.size() == 7);
  for (const auto* wrong : {"cursor=", "cursor=xyz", "cursor=abc", "cursor=%ff"}) {
    CAPTURE(wrong);
    CHECK(ask(s.port(), "GET", "/v1/jobs?" + std::string{wrong}).status == 400);
  }
}

TEST_CASE("what is not UTF-8 in a request is not repeated as it is in the answer") {
  served s;
  for (const auto* target : {"/v1/%ff", "/v1/jobs?%ff%fe=1", "/v1/jobs/%c3%28"}) {
    CAPTURE(target);
    const auto got = ask(s.port(), "GET", target);
    CHECK(got.status >= 400);
    boost::system::error_code failure;
    CHECK(boost::json::parse(got.body, failure).is_object());
    CHECK_FALSE(failure);
  }
}

TEST_CASE("bodies in encodings that are not undone are refused") {
  served s;
  CHECK(ask(s.port(), "POST", "/v1/jobs", "Content-Type: application/json\r\nContent-Encoding: gzip\r\n", "{}").status == 415);
  client c{s.port()};
  c.send("POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n");
  CHECK(c.read_answer().value().status == 501);
}

TEST_CASE("ten thousand random requests leave the server in good health") {
  served s;
  std::mt19937 random{20260101};  // NOLINT: the same requests each time
  const std::vector<std::string> words = {"GET",
                                          "POST",
                                          "HEAD",
                                          " ",
                                          "/",
                                          "/v1/jobs",
                                          "/v1/artifacts",
                                          "/v1/events/",
                                          "?",
                                          "wait=1ms",
                                          "%",
                                          "%00",
                                          "HTTP/1.1",
                                          "HTTP/1.0",
                                          "\r\n",
                                          "\r\n\r\n",
                                          "\n",
                                          "Host: localhost\r\n",
                                          "Content-Length: 3\r\n",
                                          "Content-Length: -1\r\n",
                                          "Transfer-Encoding: chunked\r\n",
                                          "Content-Type: application/json\r\n",
                                          "Content-Type: multipart/form-data; boundary=b\r\n",
                                          "--b\r\n",
                                          "--b--",
                                          "{}",
                                          "[[[[",
                                          "\xff\xfe",
                                          "0\r\n",
                                          "ffffffffffffffff\r\n",
                                          ":",
                                          "Range: bytes=0-\r\n",
                                          "Origin: x\r\n"};
  int answered = 0;
  for (int round = 0; round < 10'000; ++round) {
    std::string bytes;
    if (round % 3 == 0) bytes = "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\n";
    for (auto n = random() % 12; n > 0; --n) bytes += words[random() % words.size()];
    client c{s.port()};
    c.send(bytes);
    c.half_close();
    const auto got = c.read_to_end();
    CAPTURE(bytes);
    if (!got.empty()) {
      ++answered;
      REQUIRE(got.starts_with("HTTP/1.1 "));
    }
  }
  CHECK(answered > 1000);
  CHECK(ask(s.port(), "GET", "/healthz").status == 200);
}
