#include "http/embedded.hpp"
#include "http/router.hpp"
#include "unit/http/client.hpp"
#include "unit/http/fakes.hpp"

#include <doctest/doctest.h>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

using namespace troupe;
using namespace troupe::http::testing;

namespace {

/// What nodes of a cluster ask of each other: no part of the API, and not there outside of a cluster.
bool is_for_peers(std::string_view path) { return path.starts_with("/v1/peers/"); }

bool is_part_of_the_page(std::string_view path) {
  return path == "/" || path == "/inspector" || path.ends_with(".js") || path.ends_with(".css") || path.ends_with(".svg");
}

std::string verb_of(const http::route& route) {
  if (route.verb == http::method::remove) return "delete";
  return route.verb == http::method::get ? "get" : "post";
}

std::string golden_path(const std::string& name) { return std::string{TROUPE_GOLDEN_API} + "/" + name; }

/// Compares a whole exchange with its golden file; TROUPE_UPDATE_GOLDEN=1 rewrites the file.
void check_golden(const std::string& name, const std::string& request, const answer& got) {
  std::ostringstream text;
  text << request << "\n\n" << got.status << "\n";
  for (const auto& [header, value] : got.headers) {
    if (header != "date") text << header << ": " << value << "\n";
  }
  text << "\n" << got.body << "\n";
  if (std::getenv("TROUPE_UPDATE_GOLDEN")) {
    std::ofstream{golden_path(name)} << text.str();
    return;
  }
  std::ostringstream expected;
  expected << std::ifstream{golden_path(name)}.rdbuf();
  CAPTURE(name);
  CHECK(text.str() == expected.str());
}

}  // namespace

TEST_CASE("the OpenAPI document and the routes are the same") {
  served s;
  const auto document = boost::json::parse(ask(s.port(), "GET", "/openapi.json").body).as_object();
  CHECK(document.at("openapi") == "3.1.0");
  std::set<std::string> documented, routed;
  for (const auto& [path, methods] : document.at("paths").as_object()) {
    for (const auto& [method, operation] : methods.as_object()) {
      documented.insert(std::string{method} + " " + std::string{path});
      CHECK(operation.as_object().contains("responses"));
      CHECK(operation.as_object().contains("summary"));
    }
  }
  for (const auto& route : http::all_routes()) {
    if (is_part_of_the_page(route.pattern) || is_for_peers(route.pattern)) continue;
    routed.insert(verb_of(route) + " " + std::string{route.pattern});
  }
  CHECK(documented == routed);
}

TEST_CASE("every documented path answers something else than 404 or 405 to its method") {
  served s;
  const auto id = s.add_job(model::job_state::running);
  s.w.happen(id, "succeeded");
  const auto hash = s.artifacts.put("x", "image/png").hex();
  for (const auto& route : http::all_routes()) {
    if (route.to == http::endpoint::all_events) continue;  // never ends
    if (is_for_peers(route.pattern)) continue;
    std::string path{route.pattern};
    const auto fill = [&](const std::string& name, const std::string& value) {
      if (const auto at = path.find(name); at != std::string::npos) path.replace(at, name.size(), value);
    };
    fill("{id}", path.starts_with("/v1/nodes") ? "0000000000000abc" : id.text());
    fill("{hash}", hash);
    fill("{name}", "talk");
    auto verb = verb_of(route);
    std::ranges::transform(verb, verb.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    const auto got = ask(s.port(), verb, path);
    CAPTURE(path);
    CHECK(got.status != 404);
    CHECK(got.status != 405);
    CHECK(got.status != 500);
  }
}

TEST_CASE("the page runs under a policy without inline scripts and comes from this server alone") {
  served s;
  const auto page = ask(s.port(), "GET", "/");
  CHECK(page.status == 200);
  CHECK(page.header("content-type") == "text/html; charset=utf-8");
  CHECK(page.header("content-security-policy").find("default-src 'none'") == 0);
  CHECK(page.header("content-security-policy").find("unsafe") == std::string::npos);
  CHECK(page.body.find("<script>") == std::string::npos);
  CHECK(page.body.find(" style=") == std::string::npos);
  CHECK(page.body.find("http://") == std::string::npos);
  CHECK(page.body.find("https://") == std::string::npos);
  CHECK(ask(s.port(), "GET", "/", "If-None-Match: " + page.header("etag") + "\r\n").status == 304);
  for (const auto& file : http::embedded_files()) {
    const bool is_missing = file.content.empty();  // built without Node.js: the plain page stands there
    const auto path = file.name == "index.html"       ? std::string{"/"}
                      : file.name == "inspector.html" ? std::string{"/inspector"}
                                                      : "/" + std::string{file.name};
    CAPTURE(path);
    if (is_missing) continue;
    CHECK(ask(s.port(), "GET", path).body == file.content);
  }
}

TEST_CASE("requests and answers are those of the golden files") {
  served s;
  const auto exchange = [&](const std::string& name, std::string_view method, const std::string& target,
                            std::string_view headers = "", std::string_view body = "") {
    std::string request{method};
    request.append(" ").append(target).append("\n").append(headers);
    std::erase(request, '\r');
    if (!body.empty()) request.append("\n").append(body);
    check_golden(name, request, ask(s.port(), method, target, headers, body));
  };
  exchange(
      "submit.txt", "POST", "/v1/jobs", json_type,
      R"({"pipeline":"talk","inputs":{"text":"hello"},"priority":"high","labels":{"team":"blue"},"deadline":"2030-01-01T00:00:00Z"})");
  exchange("submit_bad_input.txt", "POST", "/v1/jobs", json_type, R"({"pipeline":"talk","inputs":{"text":5,"voice":"nobody"}})");
  exchange("job.txt", "GET", "/v1/jobs/0000000000000001");
  exchange("job_unknown.txt", "GET", "/v1/jobs/00000000000000ff");
  exchange("jobs.txt", "GET", "/v1/jobs?state=queued");
  exchange("cancel.txt", "POST", "/v1/jobs/0000000000000001/cancel", json_type, R"({"reason":"no longer needed"})");
  s.w.happen(model::job_id{1}, "cancelled");
  exchange("events.txt", "GET", "/v1/jobs/0000000000000001/events");
  exchange("artifact.txt", "POST", "/v1/artifacts", "Content-Type: text/markdown\r\n", "# hello\n");
  exchange("artifact_range.txt", "GET", "/v1/artifacts/" + sha256_of("# hello\n").hex(), "Range: bytes=2-\r\n");
  exchange("pipeline.txt", "GET", "/v1/pipelines/talk");
  exchange("models.txt", "GET", "/v1/models");
  exchange(
      "submit_model_refused.txt", "POST", "/v1/jobs", json_type,
      R"({"pipeline":{"name":"e","inputs":{"i":"image"},"stages":{"a":{"kind":"model.upscale","params":{"image":"${inputs.i}","model":"smaller"}}},"result":{}},"inputs":{}})");
  exchange("node.txt", "GET", "/v1/node");
  exchange("queue_pause.txt", "POST", "/v1/queue/pause", json_type, R"({"pipeline":"talk","reason":"a new voice comes"})");
  exchange("queue.txt", "GET", "/v1/queue");
  exchange("queue_resume.txt", "POST", "/v1/queue/resume", json_type, R"({"pipeline":"talk"})");
  exchange("queue_unknown.txt", "POST", "/v1/queue/pause", json_type, R"({"pipeline":"tlak"})");
  exchange("ready.txt", "GET", "/readyz");
  exchange("batch.txt", "POST", "/v1/jobs:batch", json_type,
           R"({"jobs":[{"idempotency_key":"a","pipeline":"talk","inputs":{"text":"hello"}},{"pipeline":"tlak"}]})");
  exchange("method_not_allowed.txt", "GET", "/v1/jobs/0000000000000001/cancel");
}
