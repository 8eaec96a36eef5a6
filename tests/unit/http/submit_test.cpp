#include "unit/http/client.hpp"
#include "unit/http/fakes.hpp"

#include <doctest/doctest.h>
#include <boost/json/parse.hpp>
#include <caf/send.hpp>

using namespace troupe;
using namespace troupe::http::testing;

namespace {

boost::json::object object_of(const answer& a) { return boost::json::parse(a.body).as_object(); }
constexpr std::string_view good = R"({"pipeline":"talk","inputs":{"text":"hello"}})";

}  // namespace

TEST_CASE("a submission is answered with the job and where it is") {
  served s;
  const auto got = ask(s.port(), "POST", "/v1/jobs", json_type, good);
  CHECK(got.status == 202);
  CHECK(got.header("location") == "/v1/jobs/0000000000000001");
  CHECK(got.header("etag") == "\"1\"");
  const auto job = object_of(got);
  CHECK(job.at("state") == "queued");
  CHECK(job.at("inputs").at("voice") == "slt");
  CHECK(job.at("created_at") == "2026-01-01T00:00:00.000Z");
  CHECK(job.at("links").at("events") == "/v1/jobs/0000000000000001/events");
  const auto again = ask(s.port(), "GET", "/v1/jobs/0000000000000001");
  CHECK(again.status == 200);
  CHECK(again.body == got.body);
}

TEST_CASE("the same key and request give the same job, another request under the key is refused") {
  served s;
  const auto headers = std::string{json_type} + "Idempotency-Key: k1\r\n";
  const auto first = ask(s.port(), "POST", "/v1/jobs", headers, good);
  CHECK(first.header("idempotency-replayed").empty());
  const auto reordered =
      ask(s.port(), "POST", "/v1/jobs", headers, R"({ "inputs": {"voice":"slt", "text":"hello"}, "pipeline":"talk" })");
  CHECK(reordered.status == 202);
  CHECK(reordered.header("idempotency-replayed") == "true");
  CHECK(reordered.body == first.body);
  CHECK(ask(s.port(), "POST", "/v1/jobs", headers, R"({"pipeline":"talk","inputs":{"text":"other"}})").status == 409);
  CHECK(ask(s.port(), "POST", "/v1/jobs", std::string{json_type} + "Idempotency-Key: a b\r\n", good).status == 400);
}

TEST_CASE("a wrong submission is refused with what is wrong") {
  served s;
  const auto detail = [&](std::string_view body) {
    const auto got = ask(s.port(), "POST", "/v1/jobs", json_type, body);
    CHECK(got.status == 400);
    CHECK(got.header("content-type") == "application/problem+json");
    return std::string{object_of(got).at("detail").as_string()};
  };
  CHECK(detail("{").find("not JSON") != std::string::npos);
  CHECK(detail("[]").find("JSON object") != std::string::npos);
  CHECK(detail("{} x").find("not JSON: extra data") != std::string::npos);
  CHECK(detail("{}").find("'pipeline' is missing") != std::string::npos);
  CHECK(detail(R"({"pipeline":"tlak"})").find("installed: slides, talk") != std::string::npos);
  CHECK(detail(R"({"pipeline":"talk"})").find("input 'text' is missing") != std::string::npos);
  CHECK(detail(R"({"pipeline":"talk","inputs":{"text":"x","vioce":"slt"}})").find("vioce") != std::string::npos);
  CHECK(detail(R"({"pipeline":"talk","inputs":{"text":"x"},"priority":10})").find("priority must be") != std::string::npos);
  CHECK(detail(R"({"pipeline":"talk","inputs":{"text":"x"},"deadline":"soon"})").find("deadline must be") != std::string::npos);
  CHECK(detail(R"({"pipeline":"talk","inputs":{"text":"x"},"labels":{"a":1}})").find("label 'a'") != std::string::npos);
  for (const auto* wrong : {R"({"a\n":"x"})", R"({"a":"x\u0000"})", R"({"a":"\u007f"})"}) {
    const auto said = detail(R"({"pipeline":"talk","inputs":{"text":"x"},"labels":)" + std::string{wrong} + "}");
    CHECK(said.find("without control characters") != std::string::npos);
  }
  CHECK(detail(R"({"pipeline":"talk","inputs":{"text":"x","image":{"artifact":")" + std::string(64, 'a') + R"("}}})")
            .find(std::string(64, 'a'))
        != std::string::npos);
  CHECK(s.w.submissions.empty());
}

TEST_CASE("an actor's refusal becomes its status, with the time to come back") {
  served s;
  s.w.refuse_with = error{errc::queue_full, "10000 jobs wait", std::chrono::milliseconds{2500}};
  const auto full = ask(s.port(), "POST", "/v1/jobs", json_type, good);
  CHECK(full.status == 429);
  CHECK(full.header("retry-after") == "3");
  CHECK(object_of(full).at("retry_after_ms") == 2500);
  CHECK(object_of(full).at("type") == "about:blank#queue_full");
}

TEST_CASE("a submission hears how long it will wait, and what is done to jobs like it, only if there is something to say") {
  served s;
  const auto as_ever = object_of(ask(s.port(), "POST", "/v1/jobs", json_type, good));
  for (const auto* name : {"expected_wait_ms", "degraded", "cheaper_inputs"}) CHECK_FALSE(as_ever.contains(name));

  s.w.expected_wait = std::chrono::seconds{90};
  s.w.degraded.of = {model::measure::refused, model::measure::cheaper, model::measure::none};
  const auto offered = object_of(ask(s.port(), "POST", "/v1/jobs", json_type, good));
  CHECK(offered.at("expected_wait_ms") == 90'000);
  CHECK(offered.at("degraded") == "cheaper");
  CHECK(offered.at("cheaper_inputs") == "offered");
  CHECK(offered.at("inputs").at("voice") == "slt");

  const auto used = object_of(
      ask(s.port(), "POST", "/v1/jobs", json_type, R"({"pipeline":"talk","inputs":{"text":"hello"},"accept_cheaper":true})"));
  CHECK(used.at("cheaper_inputs") == "used");
  CHECK(used.at("inputs").at("voice") == "kal");

  const auto critical =
      object_of(ask(s.port(), "POST", "/v1/jobs", json_type,
                    R"({"pipeline":"talk","inputs":{"text":"hello"},"priority":"high","accept_cheaper":true})"));
  CHECK(critical.at("expected_wait_ms") == 90'000);
  CHECK_FALSE(critical.contains("degraded"));
  CHECK(critical.at("inputs").at("voice") == "slt");

  const auto metrics = ask(s.port(), "GET", "/metrics").body;
  CHECK(metrics.find("troupe_jobs_degraded_total{class=\"normal\",measure=\"later\"} 1\n") != std::string::npos);
  CHECK(metrics.find("troupe_jobs_degraded_total{class=\"normal\",measure=\"cheaper\"} 1\n") != std::string::npos);
}

TEST_CASE("a job that is refused because of the limit is a 429 of its own code, and is counted") {
  served s;
  s.w.refuse_with = error{errc::degraded, "the cluster is at its limit", std::chrono::seconds{40}};
  const auto refused =
      ask(s.port(), "POST", "/v1/jobs", json_type, R"({"pipeline":"talk","inputs":{"text":"hello"},"priority":"low"})");
  CHECK(refused.status == 429);
  CHECK(refused.header("retry-after") == "40");
  CHECK(object_of(refused).at("code") == "degraded");
  s.w.refuse_with.reset();
  const auto metrics = ask(s.port(), "GET", "/metrics").body;
  CHECK(metrics.find("troupe_jobs_degraded_total{class=\"background\",measure=\"refused\"} 1\n") != std::string::npos);
}

TEST_CASE("the key of a request that takes cheaper inputs finds its job whatever is done to jobs then") {
  served s;
  const auto headers = std::string{json_type} + "Idempotency-Key: k1\r\n";
  const std::string request = R"({"pipeline":"talk","inputs":{"text":"hello"},"accept_cheaper":true})";
  const auto first = ask(s.port(), "POST", "/v1/jobs", headers, request);
  s.w.degraded.of = {model::measure::cheaper, model::measure::cheaper, model::measure::cheaper};
  const auto again = ask(s.port(), "POST", "/v1/jobs", headers, request);
  CHECK(again.status == 202);
  CHECK(again.body == first.body);
  CHECK(ask(s.port(), "POST", "/v1/jobs", headers, good).status == 409);
  CHECK(
      ask(s.port(), "POST", "/v1/jobs", json_type, R"({"pipeline":"talk","inputs":{"text":"x"},"accept_cheaper":"maybe"})").status
      == 400);
}

TEST_CASE("an actor that does not answer is a 504, and its late answer harms nobody") {
  served s{[](auto& options) { options.request_timeout = std::chrono::milliseconds{100}; }};
  s.w.is_silent = true;
  CHECK(ask(s.port(), "POST", "/v1/jobs", json_type, good).status == 504);
}

TEST_CASE("an actor that is gone is a 503") {
  served s;
  caf::anon_send_exit(s.handles.jobs, caf::exit_reason::user_shutdown);
  const auto got = ask(s.port(), "POST", "/v1/jobs", json_type, good);
  CHECK(got.status == 503);
  CHECK(object_of(got).at("code") == "stopping");
}

TEST_CASE("a job whose stages run models waits until the node knows its models, and goes then") {
  served s;
  const std::string request =
      R"({"pipeline":{"name":"e","inputs":{"i":"image"},"stages":{"a":{"kind":"model.upscale","params":{"image":"${inputs.i}","model":"larger"}}},"result":{}}})";
  s.models.are_known = false;
  const auto early = ask(s.port(), "POST", "/v1/jobs", json_type, request);
  CHECK(early.status == 504);
  CHECK(object_of(early).at("code") == "timed_out");
  CHECK(ask(s.port(), "GET", "/v1/models").status == 504);
  CHECK(ask(s.port(), "POST", "/v1/jobs", json_type, R"({"pipeline":"talk","inputs":{"text":"hello"}})").status == 202);
  s.models.are_known = true;
  CHECK(ask(s.port(), "POST", "/v1/jobs", json_type, request).status == 202);
}
