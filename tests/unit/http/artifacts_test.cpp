#include "unit/http/client.hpp"
#include "unit/http/fakes.hpp"

#include <doctest/doctest.h>
#include <boost/json/parse.hpp>

using namespace troupe;
using namespace troupe::http::testing;

namespace {

boost::json::object object_of(const answer& a) { return boost::json::parse(a.body).as_object(); }

std::string form_part(std::string_view disposition, std::string_view type, std::string_view content) {
  std::string out = "--b0\r\nContent-Disposition: form-data; " + std::string{disposition} + "\r\n";
  if (!type.empty()) out += "Content-Type: " + std::string{type} + "\r\n";
  return out + "\r\n" + std::string{content} + "\r\n";
}
constexpr std::string_view form_type = "Content-Type: multipart/form-data; boundary=b0\r\n";

}  // namespace

TEST_CASE("an upload is stored under its hash and comes back as it was") {
  served s;
  const std::string content(300'000, 'x');
  const auto put = ask(s.port(), "POST", "/v1/artifacts", "Content-Type: image/png\r\n", content);
  CHECK(put.status == 201);
  const auto hash = sha256_of(content).hex();
  CHECK(put.header("location") == "/v1/artifacts/" + hash);
  CHECK(object_of(put).at("size") == 300'000);
  const auto got = ask(s.port(), "GET", "/v1/artifacts/" + hash);
  CHECK(got.status == 200);
  CHECK(got.body == content);
  CHECK(got.header("content-type") == "image/png");
  CHECK(got.header("etag") == "\"" + hash + "\"");
  CHECK(got.header("cache-control") == "public, max-age=31536000, immutable");
  CHECK(got.header("content-security-policy").starts_with("sandbox"));
  CHECK(got.header("x-content-type-options") == "nosniff");
  const auto head = ask(s.port(), "HEAD", "/v1/artifacts/" + hash, "Range: bytes=0-1\r\n");
  CHECK(head.status == 200);
  CHECK(head.header("content-length") == "300000");
  const auto named = ask(s.port(), "GET", "/v1/artifacts/" + hash + "?download=a%22b%0d%0a.png", "Range: bytes=0-0\r\n");
  CHECK(named.header("content-disposition") == "attachment; filename=\"a_b__.png\"; filename*=UTF-8''a%22b%0D%0A.png");
}

TEST_CASE("a chunked upload is taken, and an empty one too") {
  served s;
  client c{s.port()};
  c.send("POST /v1/artifacts HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  c.send("A;x=y\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n");
  const auto put = c.read_answer().value();
  CHECK(put.status == 201);
  CHECK(object_of(put).at("artifact") == boost::json::string{sha256_of("abc0123456789").hex()});
  CHECK(object_of(put).at("media_type") == "application/octet-stream");
  CHECK(object_of(c.ask("POST", "/v1/artifacts", "Content-Type: video/mp4\r\n", "")).at("size") == 0);
}

TEST_CASE("ranges of an artifact follow RFC 9110") {
  served s;
  const auto hash = s.artifacts.put("0123456789", "video/mp4");
  const auto path = "/v1/artifacts/" + hash.hex();
  struct row {
    std::string headers;
    int status;
    std::string content_range, body;
  };
  const std::string tag = "\"" + hash.hex() + "\"";
  const row table[] = {
      {"Range: bytes=0-\r\n", 206, "bytes 0-9/10", "0123456789"},
      {"Range: bytes=2-4\r\n", 206, "bytes 2-4/10", "234"},
      {"Range: bytes=8-99\r\n", 206, "bytes 8-9/10", "89"},
      {"Range: bytes=-3\r\n", 206, "bytes 7-9/10", "789"},
      {"Range: bytes=0-0\r\n", 206, "bytes 0-0/10", "0"},
      {"Range: bytes=0-1,4-5\r\n", 200, "", "0123456789"},
      {"Range: bytes=5-2\r\n", 200, "", "0123456789"},
      {"Range: lines=1-2\r\n", 200, "", "0123456789"},
      {"Range: bytes=2-4\r\nIf-Range: " + tag + "\r\n", 206, "bytes 2-4/10", "234"},
      {"Range: bytes=2-4\r\nIf-Range: \"other\"\r\n", 200, "", "0123456789"},
      {"Range: bytes=2-4\r\nIf-Range: W/" + tag + "\r\n", 200, "", "0123456789"},
      {"Range: bytes=2-4\r\nIf-Range: Wed, 21 Oct 2015 07:28:00 GMT\r\n", 200, "", "0123456789"},
      {"Range: bytes=2-4\r\nIf-None-Match: " + tag + "\r\n", 304, "", ""},
      {"If-None-Match: *\r\n", 304, "", ""},
  };
  client c{s.port()};
  for (const auto& row : table) {
    CAPTURE(row.headers);
    const auto got = c.ask("GET", path, row.headers);
    CHECK(got.status == row.status);
    CHECK(got.header("content-range") == row.content_range);
    CHECK(got.body == row.body);
    CHECK(got.header("etag") == tag);
  }
  const auto beyond = c.ask("GET", path, "Range: bytes=10-\r\n");
  CHECK(beyond.status == 416);
  CHECK(beyond.header("content-range") == "bytes */10");
  CHECK(c.ask("GET", "/v1/artifacts/" + std::string(64, 'a')).status == 404);
  CHECK(c.ask("GET", "/v1/artifacts/..%2f..%2fetc%2fpasswd").status == 404);
}

TEST_CASE("announced digests are checked") {
  served s;
  // printf abc | openssl sha256 -binary | base64
  const std::string good = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
  const auto with = [&](const std::string& header) {
    return ask(s.port(), "POST", "/v1/artifacts", header + "\r\nContent-Type: text/plain\r\n", "abc");
  };
  CHECK(with("Repr-Digest: sha-256=:" + good + ":").status == 201);
  CHECK(with("Digest: SHA-256=" + good).status == 201);
  CHECK(with("Repr-Digest: sha-512=:xx:, sha-256=:" + good + ":").status == 201);
  const auto wrong = with("Repr-Digest: sha-256=:" + std::string(43, 'A') + "=:");
  CHECK(wrong.status == 400);
  CHECK(wrong.body.find("not the announced") != std::string::npos);
  CHECK(with("Repr-Digest: sha-256=:AAAA:").status == 400);
  CHECK(s.artifacts.known.size() == 1);
  CHECK(eventually([&] { return s.artifacts.open_writers == 0; }));  // it goes after the answer
}

TEST_CASE("uploads have limits and refuse what a foreign page could send") {
  served s{[](auto& options) { options.upload_most = bytes{1000}; }};
  CHECK(ask(s.port(), "POST", "/v1/artifacts", "Content-Type: image/png\r\n", std::string(1001, 'x')).status == 413);
  client c{s.port()};
  c.send("POST /v1/artifacts HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 11; ++i) c.send("64\r\n" + std::string(100, 'x') + "\r\n");
  CHECK(c.read_answer().value().status == 413);
  for (const auto* type :
       {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "Text/Plain; charset=utf-8"}) {
    CAPTURE(type);
    CHECK(ask(s.port(), "POST", "/v1/artifacts", "Content-Type: " + std::string{type} + "\r\n", "abc").status == 415);
  }
  s.artifacts.most = bytes{10};
  const auto full = ask(s.port(), "POST", "/v1/artifacts", "Content-Type: image/png\r\n", std::string(100, 'x'));
  CHECK(full.status == 507);
  CHECK(full.header("retry-after") == "5");
}

TEST_CASE("a form submits texts as inputs and files as artifacts") {
  served s;
  const auto body = form_part("name=\"image\"; filename=\"a.png\"", "image/png", "PNGDATA")
                    + form_part("name=\"text\"", "", "hello") + form_part("name=\"captions\"", "", "false")
                    + form_part("name=\"labels.team\"", "", "blue") + form_part("name=\"priority\"", "", "high") + "--b0--\r\n";
  const auto got = ask(s.port(), "POST", "/v1/jobs?pipeline=talk", form_type, body);
  CHECK(got.status == 202);
  const auto job = object_of(got);
  CHECK(job.at("inputs").at("image").at("artifact") == boost::json::string{sha256_of("PNGDATA").hex()});
  CHECK(job.at("inputs").at("captions") == false);
  CHECK(job.at("labels").at("team") == "blue");
  CHECK(job.at("priority") == 9);
}

TEST_CASE("a repeated field is a list, and one file stands for a list of one") {
  served s;
  const auto file = [](std::string_view content) { return form_part("name=\"images\"; filename=\"x\"", "", content); };
  const auto two = object_of(ask(s.port(), "POST", "/v1/jobs?pipeline=slides", form_type, file("A") + file("B") + "--b0--\r\n"));
  CHECK(two.at("inputs").at("images").as_array().size() == 2);
  const auto one = object_of(ask(s.port(), "POST", "/v1/jobs?pipeline=slides", form_type, file("A") + "--b0--\r\n"));
  CHECK(one.at("inputs").at("images").as_array().size() == 1);
}

TEST_CASE("a broken form leaves nothing behind") {
  served s;
  const auto file = form_part("name=\"image\"; filename=\"a.png\"", "", std::string(400'000, 'x'));
  const auto cut = file.substr(0, file.size() - 10);
  CHECK(ask(s.port(), "POST", "/v1/jobs?pipeline=talk", form_type, cut).status == 400);
  CHECK(ask(s.port(), "POST", "/v1/jobs?pipeline=talk", "Content-Type: multipart/form-data\r\n", "x").status == 400);
  CHECK(ask(s.port(), "POST", "/v1/jobs?pipeline=talk&x=1", form_type, "--b0--\r\n").status == 400);
  CHECK(ask(s.port(), "POST", "/v1/jobs", form_type, form_part("name=text", "", "x") + "--b0--\r\n").status == 400);
  {
    client leaves{s.port()};
    leaves.send("POST /v1/jobs?pipeline=talk HTTP/1.1\r\nHost: localhost\r\n" + std::string{form_type}
                + "Content-Length: 900000\r\n\r\n" + cut);
  }
  s.running->stop(std::chrono::milliseconds{10000});
  CHECK(s.artifacts.open_writers == 0);
  CHECK(s.w.submissions.empty());
}
