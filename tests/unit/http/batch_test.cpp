#include "unit/http/client.hpp"
#include "unit/http/fakes.hpp"

#include <doctest/doctest.h>
#include <boost/json/parse.hpp>

using namespace troupe;
using namespace troupe::http::testing;

namespace {

const std::string good = R"({"pipeline":"talk","inputs":{"text":"hello"}})";

answer ask_batch(const served& s, const std::string& jobs) {
  return ask(s.port(), "POST", "/v1/jobs:batch", json_type, "{\"jobs\":[" + jobs + "]}");
}

boost::json::array results_of(const answer& got) {
  CAPTURE(got.body);
  REQUIRE(got.status == 200);
  return boost::json::parse(got.body).as_object().at("results").as_array();
}

std::string with_key(const std::string& key, const std::string& text) {
  return R"({"idempotency_key":")" + key + R"(","pipeline":"talk","inputs":{"text":")" + text + "\"}}";
}

std::string detail_of(const boost::json::value& result) { return std::string{result.at("problem").at("detail").as_string()}; }

}  // namespace

TEST_CASE("the jobs of a batch are asked for together and answered in their order") {
  served s;
  const auto results = results_of(ask_batch(s, with_key("a", "one") + "," + with_key("b", "two") + "," + good));
  REQUIRE(results.size() == 3);
  for (const auto& each : results) CHECK(each.at("status") == 202);
  CHECK(results[0].at("job").at("id") == "0000000000000001");
  CHECK(results[2].at("job").at("id") == "0000000000000003");
  CHECK(results[2].at("job").at("links").at("self") == "/v1/jobs/0000000000000003");
  CHECK_FALSE(results[0].as_object().contains("replayed"));
  CHECK(s.w.batches == 1);
  REQUIRE(s.w.submissions.size() == 3);
  CHECK(s.w.submissions[1].idempotency_key == "b");
  CHECK(s.w.submissions[1].inputs.object().at("text") == "two");
  CHECK_FALSE(s.w.submissions[2].idempotency_key);
}

TEST_CASE("a job of a batch is the same request as that job alone") {
  served s;
  const auto alone = ask(s.port(), "POST", "/v1/jobs", std::string{json_type} + "Idempotency-Key: a\r\n", good);
  REQUIRE(alone.status == 202);
  const auto results = results_of(
      ask_batch(s, with_key("a", "hello") + "," + with_key("a", "other") + "," + with_key("b", "x") + "," + with_key("b", "x")));
  CHECK(results[0].at("status") == 202);
  CHECK(results[0].at("replayed") == true);
  CHECK(results[1].at("status") == 409);
  CHECK(results[1].at("problem").at("code") == "conflict");
  CHECK_FALSE(results[2].as_object().contains("replayed"));
  CHECK(results[3].at("replayed") == true);
  CHECK(results[3].at("job").at("id") == results[2].at("job").at("id"));
}

TEST_CASE("a wrong job of a batch is refused at its place and hurts no other") {
  served s;
  const auto missing = std::string(64, 'a');
  const auto results = results_of(
      ask_batch(s, R"(5,{"pipeline":"tlak"},)" + good + R"(,{"pipeline":"talk"},{"pipeline":"talk","idempotency_key":7},)"
                       + with_key("a b", "x") + R"(,{"pipeline":"talk","inputs":{"text":"x","image":{"artifact":")" + missing
                       + R"("}}},)" + good + R"(,{"pipeline":"talk","inputs":{"text":"x"},"deadline":"soon"})"));
  REQUIRE(results.size() == 9);
  for (const std::size_t wrong : {0u, 1u, 3u, 4u, 5u, 6u, 8u}) {
    CAPTURE(wrong);
    CHECK(results[wrong].at("status") == 400);
    CHECK(results[wrong].at("problem").at("status") == 400);
  }
  CHECK(detail_of(results[0]).find("JSON object") != std::string::npos);
  CHECK(detail_of(results[1]).find("installed: slides, talk") != std::string::npos);
  CHECK(detail_of(results[3]).find("'text' is missing") != std::string::npos);
  CHECK(detail_of(results[4]).find("must be a text") != std::string::npos);
  CHECK(detail_of(results[5]).find("visible ASCII") != std::string::npos);
  CHECK(detail_of(results[6]).find(missing) != std::string::npos);
  CHECK(detail_of(results[8]).find("deadline must be") != std::string::npos);
  CHECK(results[2].at("job").at("id") == "0000000000000001");
  CHECK(results[7].at("job").at("id") == "0000000000000002");
  CHECK(s.w.submissions.size() == 2);
}

TEST_CASE("artifacts that are there are found for each job of a batch that names them") {
  served s;
  const auto here = s.artifacts.put("x", "image/png").hex();
  const auto job = R"({"pipeline":"talk","inputs":{"text":"x","image":{"artifact":")" + here + R"("}}})";
  const auto results = results_of(ask_batch(s, job + "," + job));
  CHECK(results[0].at("status") == 202);
  CHECK(results[1].at("status") == 202);
}

TEST_CASE("what an actor refuses is a problem of each job, with the time to come back") {
  served s;
  s.w.refuse_with = error{errc::queue_full, "10000 jobs wait", std::chrono::milliseconds{2500}};
  const auto results = results_of(ask_batch(s, good + "," + good));
  CHECK(results[1].at("status") == 429);
  CHECK(results[1].at("problem").at("retry_after_ms") == 2500);
}

TEST_CASE("a batch that is none is refused whole") {
  served s{[](auto& options) {
    options.batch_jobs_most = 2;
    options.batch_most = bytes{400};
    options.json_most = bytes{200};
  }};
  const auto status = [&](std::string_view body, const std::string& headers = std::string{json_type}) {
    return ask(s.port(), "POST", "/v1/jobs:batch", headers, body).status;
  };
  CHECK(status("{") == 400);
  CHECK(status("[]") == 400);
  CHECK(status("{}") == 400);
  CHECK(status(R"({"jobs":{}})") == 400);
  CHECK(status(R"({"jobs":[]})") == 400);
  CHECK(status(R"({"jobs":[)" + good + R"(],"more":1})") == 400);
  CHECK(status(R"({"jobs":[)" + good + "]}", std::string{json_type} + "Idempotency-Key: a\r\n") == 400);
  CHECK(status(R"({"jobs":[)" + good + "]}", "Content-Type: text/plain\r\n") == 415);
  CHECK(status(R"({"jobs":[)" + good + "," + good + "," + good + "]}") == 413);
  CHECK(status(R"({"jobs":[")" + std::string(400, 'x') + "\"]}") == 413);
  CHECK(s.w.submissions.empty());
  // One job may be no larger in a batch than alone.
  const auto results = results_of(ask_batch(s, with_key("k", std::string(200, 'x')) + "," + good));
  CHECK(results[0].at("status") == 413);
  CHECK(results[1].at("status") == 202);
}

TEST_CASE("a batch to which no actor answers is a 504") {
  served s{[](auto& options) { options.request_timeout = std::chrono::milliseconds{100}; }};
  s.w.is_silent = true;
  CHECK(ask_batch(s, good).status == 504);
}

TEST_CASE("a node that shuts down takes no batch") {
  served s;
  s.running->drain();
  CHECK(ask_batch(s, good).status == 503);
  CHECK(s.w.submissions.empty());
}
