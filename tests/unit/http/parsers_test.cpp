#include "http/auth/sign_in.hpp"
#include "http/guard.hpp"
#include "http/http.hpp"
#include "http/json/submission.hpp"
#include "http/json/writer.hpp"
#include "http/media_type.hpp"
#include "http/range.hpp"
#include "http/request.hpp"
#include "http/router.hpp"
#include "http/status_map.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <boost/json/parse.hpp>

using namespace troupe;
using namespace troupe::http;

TEST_CASE("ranges are chosen as RFC 9110 section 14 says") {
  const auto chosen = [](std::string_view header, std::uint64_t size) -> std::string {
    const auto out = choose_range(header, size);
    if (out.what == range_choice::kind::whole) return "whole";
    if (out.what == range_choice::kind::unsatisfiable) return "unsatisfiable";
    return fmt::format("{}-{}", out.first, out.last);
  };
  CHECK(chosen("bytes=0-", 10) == "0-9");
  CHECK(chosen("bytes=0-0", 10) == "0-0");
  CHECK(chosen("bytes=9-", 10) == "9-9");
  CHECK(chosen("bytes=2-5", 10) == "2-5");
  CHECK(chosen("bytes=2-500", 10) == "2-9");
  CHECK(chosen("Bytes= 2-5 ", 10) == "2-5");
  CHECK(chosen("bytes=-3", 10) == "7-9");
  CHECK(chosen("bytes=-30", 10) == "0-9");
  CHECK(chosen("bytes=-0", 10) == "unsatisfiable");
  CHECK(chosen("bytes=10-", 10) == "unsatisfiable");
  CHECK(chosen("bytes=10-20", 10) == "unsatisfiable");
  CHECK(chosen("bytes=0-", 0) == "unsatisfiable");
  CHECK(chosen("bytes=-5", 0) == "whole");
  CHECK(chosen("bytes=0-99999999999999999999999999", 10) == "0-9");
  CHECK(chosen("bytes=99999999999999999999999999-", 10) == "unsatisfiable");
  for (const auto* bad : {"bytes=5-2", "bytes=", "bytes=-", "bytes=a-b", "bytes=1-2,4-5", "bytes=1--2", "items=0-1", "bytes 0-1",
                          "", "bytes=0x1-2", "bytes=+1-2"}) {
    CAPTURE(bad);
    CHECK(chosen(bad, 10) == "whole");
  }
}

TEST_CASE("the first bytes tell the media type, unless the client does") {
  using namespace std::string_view_literals;
  CHECK(sniff_media_type("\x89PNG\r\n\x1a\n..."sv) == "image/png");
  CHECK(sniff_media_type("\xff\xd8\xff\xe0"sv) == "image/jpeg");
  CHECK(sniff_media_type("RIFF\0\0\0\0WEBPVP8 "sv) == "image/webp");
  CHECK(sniff_media_type("RIFF\0\0\0\0WAVEfmt "sv) == "audio/wav");
  CHECK(sniff_media_type("GIF89a"sv) == "image/gif");
  CHECK(sniff_media_type("\0\0\0\x20"
                         "ftypisom"sv)
        == "video/mp4");
  CHECK(sniff_media_type("\x1a\x45\xdf\xa3....webm"sv) == "video/webm");
  CHECK(sniff_media_type("ID3\x04"sv) == "audio/mpeg");
  CHECK(sniff_media_type("\xff\xfb\x90\x64"sv) == "audio/mpeg");
  CHECK(sniff_media_type("OggS"sv) == "audio/ogg");
  CHECK(sniff_media_type("  {\"a\":1}"sv) == "application/json");
  CHECK(sniff_media_type("RIFF"sv) == "application/octet-stream");
  CHECK(sniff_media_type(""sv) == "application/octet-stream");
  CHECK(media_type_for("Image/PNG; x=y", "") == "image/png");
  CHECK(media_type_for("application/octet-stream", "GIF89a") == "image/gif");
  CHECK(media_type_for("evil\r\nX: y/z", "GIF89a") == "image/gif");
}

TEST_CASE("a foreign page can neither read nor change anything") {
  const auto status = [](method verb, std::vector<header> headers) {
    request in;
    in.verb = verb;
    in.headers = std::move(headers);
    const std::vector<std::string> allowed{"box.lan"};
    const auto refused = refuse_foreign(in, allowed);
    return refused ? refused->status : 200;
  };
  CHECK(status(method::get, {{"Host", "localhost:8080"}}) == 200);
  CHECK(status(method::get, {{"Host", "127.0.0.1"}}) == 200);
  CHECK(status(method::get, {{"Host", "[::1]:80"}}) == 200);
  CHECK(status(method::get, {{"host", "BOX.lan:1"}}) == 200);
  for (const auto* host : {"evil.example", "localhost.evil.example", "localhost:0", "localhost:x", "localhost:99999", "[::1", "",
                           "127.0.0.1:80:80", "localhost@evil"}) {
    CAPTURE(host);
    CHECK(status(method::get, {{"Host", host}}) == 421);
  }
  CHECK(status(method::post, {{"Host", "localhost:8080"}, {"Origin", "http://localhost:8080"}}) == 200);
  CHECK(status(method::post, {{"Host", "localhost:8080"}, {"Origin", "http://localhost:9090"}}) == 403);
  CHECK(status(method::post, {{"Host", "localhost:8080"}, {"Origin", "https://localhost:8080"}}) == 403);
  CHECK(status(method::post, {{"Host", "localhost:8080"}, {"Origin", "null"}}) == 403);
  CHECK(status(method::get, {{"Host", "localhost:8080"}, {"Origin", "http://evil.example"}}) == 403);
  const request secure{method::get, "/", {}, {{"Host", "localhost:8080"}, {"Origin", "https://localhost:8080"}}};
  CHECK_FALSE(refuse_foreign(secure, {}, true));
  CHECK(status(method::post, {{"Host", "localhost"}, {"Sec-Fetch-Site", "cross-site"}}) == 403);
  CHECK(status(method::post, {{"Host", "localhost"}, {"Sec-Fetch-Site", "same-origin"}}) == 200);
  CHECK(status(method::get, {{"Host", "localhost"}, {"Sec-Fetch-Site", "cross-site"}}) == 200);  // a link that somebody clicked
}

TEST_CASE("only a node with a certificate may listen where other machines reach it") {
  for (const auto* good : {"127.0.0.1", "127.1.2.3", "::1", "localhost"}) {
    CHECK_FALSE(refuse_address(good, false));
    CHECK_FALSE(refuse_address(good, true));
  }
  for (const auto* open : {"0.0.0.0", "::", "192.168.0.1", "8.8.8.8", "::ffff:127.0.0.1"}) {
    CAPTURE(open);
    CHECK_FALSE(refuse_address(open, true));
    const auto refused = refuse_address(open, false);
    REQUIRE(refused);
    CHECK(refused->detail.find(std::string{"cannot listen on '"} + open) == 0);
    CHECK(refused->detail.find("troupe cluster init") != std::string::npos);
  }
  for (const auto* nonsense : {"example.com", "", "127.0.0.1:80"}) CHECK(refuse_address(nonsense, true));
}

TEST_CASE("who asks must prove it, but for this machine's programs") {
  const access_rules open{sha256_of("the key"), true}, strict{sha256_of("the key"), false};
  const auto status = [](const char* path, const arrival& from, const access_rules& rules, const char* key = nullptr) {
    request in;
    in.verb = method::get;
    in.path = path;
    if (key) in.headers = {{"Authorization", key}};
    const auto refused = refuse_unproven(in, from, rules);
    return refused ? refused->status : 200;
  };
  const arrival local{true, false, false}, local_tls{true, true, false}, far{false, false, false}, far_tls{false, true, false},
      node{false, true, true};
  CHECK(status("/v1/jobs", local, open) == 200);
  CHECK(status("/v1/jobs", local_tls, open) == 200);
  CHECK(status("/v1/jobs", local, strict) == 403);
  CHECK(status("/v1/jobs", local, strict, "Bearer the key") == 403);
  CHECK(status("/v1/jobs", local_tls, strict) == 401);
  CHECK(status("/healthz", far, open) == 403);
  for (const auto* path : {"/v1/jobs", "/metrics", "/v1/node", "/healthz/x", "/openapi.json", "/v1/inspect"}) {
    CAPTURE(path);
    CHECK(status(path, far_tls, open) == 401);
    CHECK(status(path, far_tls, open, "Bearer the key") == 200);
    CHECK(status(path, node, open) == 200);
  }
  for (const auto* wrong : {"Bearer the kez", "Bearer", "Bearer ", "Basic the key", "the key", "Bearer the key x"}) {
    CAPTURE(wrong);
    CHECK(status("/v1/jobs", far_tls, open, wrong) == 401);
  }
  CHECK(status("/v1/jobs", far_tls, open, "bearer  the key ") == 200);  // RFC 9110, 11.1: schemes have no case
  for (const auto* probe : {"/healthz", "/readyz"}) CHECK(status(probe, far_tls, open) == 200);
  for (const auto* inner : {"/v1/peers/link", "/v1/peers/snapshots/0", "/v1/peers/artifacts/x"}) {
    CAPTURE(inner);
    CHECK(status(inner, local, open) == 403);
    CHECK(status(inner, far_tls, open, "Bearer the key") == 403);
    CHECK(status(inner, node, open) == 200);
  }
  CHECK(status("/v1/peers/join", far_tls, open) == 200);
  CHECK(status("/v1/peers/join", far, open) == 403);
  for (const auto* file : {"/", "/inspector", "/inspector.js", "/icon.svg"}) CHECK(status(file, far_tls, open) == 200);
  CHECK(status("/", far, open) == 403);
}

TEST_CASE("a browser that was signed in needs no key, until its time is over, and not for what another site sends") {
  const access_rules rules{sha256_of("the key"), true};
  const auto now = std::chrono::system_clock::now();
  const auto good = auth::make_sign_in(rules.admin_key, now + 1h);
  const auto status = [&](const std::string& cookie, std::vector<header> more = {}, method verb = method::get) {
    request in;
    in.verb = verb;
    in.path = "/v1/jobs";
    in.headers = std::move(more);
    in.headers.push_back({"Host", "node1:4700"});
    in.headers.push_back({"Cookie", cookie});
    const auto refused = refuse_unproven(in, {false, true, false}, rules);
    return refused ? refused->status : 200;
  };
  const auto named = [](const std::string& value) { return auth::sign_in_cookie(sha256_of("the key")) + "=" + value; };
  CHECK(status(named(good)) == 200);
  CHECK(status("a=b; " + named(good) + ";c=d") == 200);
  CHECK(status("x" + named(good)) == 401);
  CHECK(status(named(good + "0")) == 401);
  CHECK(status(named("9" + good)) == 401);
  CHECK(status(named(auth::make_sign_in(rules.admin_key, now - 1s))) == 401);
  CHECK(status(named(auth::make_sign_in(sha256_of("another key"), now + 1h))) == 401);
  for (const auto* nonsense :
       {"", "=", ";", "__Host-troupe", "__Host-troupe=", "__Host-troupe=.", "__Host-troupe=99999999999999999999.00"})
    CHECK(status(nonsense) == 401);
  CHECK(status(named(good), {{"Origin", "https://node1:4700"}}, method::post) == 200);
  CHECK(status(named(good), {{"Origin", "https://elsewhere"}}, method::post) == 403);
  CHECK(status(named(good), {{"Origin", "http://node1:4700"}}) == 403);
  CHECK(status(named(good), {{"Sec-Fetch-Site", "cross-site"}}, method::remove) == 403);
}

TEST_CASE("targets are decoded once and strictly") {
  request in;
  REQUIRE(read_target("/v1/jobs?label=a%3Ab+c&limit=5&x", in).has_value());
  CHECK(in.path == "/v1/jobs");
  CHECK(*in.find_query("label") == "a:b c");
  CHECK(*in.find_query("limit") == "5");
  CHECK(in.find_query("x")->empty());
  request absolute;
  REQUIRE(read_target("http://localhost:1/healthz", absolute).has_value());
  CHECK(absolute.path == "/healthz");
  for (const auto* bad : {"", "x", "*", "/%", "/%0", "/%zz", "/%00", "/a?b=%G0", "https://x/"}) {
    request broken;
    CAPTURE(bad);
    CHECK_FALSE(read_target(bad, broken).has_value());
  }
}

TEST_CASE("routes are found with their parameter; else it is said what a path takes") {
  CHECK(find_route(method::get, "/v1/jobs/1").parameter == "1");
  CHECK(find_route(method::get, "/v1/jobs/1").found->to == endpoint::get_job);
  CHECK(find_route(method::head, "/v1/jobs/1").found->to == endpoint::get_job);
  CHECK(find_route(method::post, "/v1/jobs/1/cancel").found->to == endpoint::cancel_job);
  CHECK(find_route(method::other, "/v1/jobs").allowed == "GET, HEAD, POST");
  CHECK(find_route(method::get, "/v1/jobs/1/cancel").allowed == "POST");
  CHECK(find_route(method::post, "/healthz").allowed == "GET, HEAD");
  CHECK(find_route(method::post, "/v1/peers/artifacts/a").allowed == "GET, HEAD, PUT");
  for (const auto* path : {"", "/v1", "/v1/jobs/", "/v1/jobs//events", "/v1/jobs/a/b", "/v1/jobs/a/events/", "/V1/jobs"}) {
    CAPTURE(path);
    CHECK_FALSE(find_route(method::get, path).found);
    CHECK(find_route(method::get, path).allowed.empty());
  }
}

TEST_CASE("times are written in UTC with milliseconds and read with any offset") {
  const timestamp at{std::chrono::milliseconds{1'767'225'600'123}};
  CHECK(json::time_text(at) == "2026-01-01T00:00:00.123Z");
  CHECK(json::time_text(timestamp{}) == "1970-01-01T00:00:00.000Z");
  CHECK(json::time_text(timestamp{std::chrono::milliseconds{253'402'300'799'999}}) == "9999-12-31T23:59:59.999Z");
  CHECK(json::time_from("2026-01-01T00:00:00.123Z") == at);
  CHECK(json::time_from("2026-01-01T02:00:00.123456789+02:00") == at);
  CHECK(json::time_from("2025-12-31t19:00:00.123-05:00") == at);
  for (const auto* bad : {"", "2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
                          "2026-01-01T25:00:00Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00Zx"}) {
    CAPTURE(bad);
    CHECK_FALSE(json::time_from(bad));
  }
}

TEST_CASE("JSON text is escaped, and what is written can be read") {
  std::string out;
  json::writer w{out};
  w.begin_object();
  w.member("a\"b", "line\n\x01\\ \xc3\xa4");
  w.key("list");
  w.begin_array();
  w.value(1);
  w.value(2.5);
  w.value(true);
  w.value(nullptr);
  w.end_array();
  w.member("none", std::optional<std::int64_t>{});
  w.end_object();
  CHECK(out == "{\"a\\\"b\":\"line\\n\\u0001\\\\ \xc3\xa4\",\"list\":[1,2.5,true,null],\"none\":null}");
  CHECK_NOTHROW(boost::json::parse(out));
}

TEST_CASE("each ASCII character can be read back, wherever it stands in a text") {
  for (int c = 0; c < 0x80; ++c) {
    for (std::size_t size = 1; size <= 17; ++size) {
      for (std::size_t at = 0; at < size; ++at) {
        std::string text(size, 'a');
        text[at] = static_cast<char>(c);
        std::string out;
        json::writer{out}.value(text);
        REQUIRE(boost::json::parse(out).as_string() == text);
        REQUIRE((out.size() == size + 2) == (c >= 0x20 && c != '"' && c != '\\'));
      }
    }
  }
}

TEST_CASE("two submissions are the same request when they mean the same") {
  const auto hash = [](std::string_view text) {
    const auto what = json::read_submission(text).value();
    return json::request_hash(sha256_of("p"), what, what.inputs);
  };
  const auto base = hash(R"({"pipeline":"p","inputs":{"a":1,"b":{"x":1,"y":2}},"labels":{"k":"v","l":"w"}})");
  CHECK(hash(R"({"labels":{"l":"w","k":"v"},"inputs":{"b":{"y":2,"x":1},"a":1},"pipeline":"p","priority":"normal"})") == base);
  CHECK(hash(R"({"pipeline":"p","inputs":{"a":1,"b":{"x":1,"y":2}},"labels":{"k":"v","l":"w"},"deadline_ms":5})") == base);
  CHECK(hash(R"({"pipeline":"p","inputs":{"a":2,"b":{"x":1,"y":2}},"labels":{"k":"v","l":"w"}})") != base);
  CHECK(hash(R"({"pipeline":"p","inputs":{"a":1,"b":{"x":1,"y":2}},"labels":{"k":"v","l":"w"},"priority":9})") != base);
  CHECK(
      hash(R"({"pipeline":"p","inputs":{"a":1,"b":{"x":1,"y":2}},"labels":{"k":"v","l":"w"},"deadline":"2030-01-01T00:00:00Z"})")
      != base);
}

TEST_CASE("every error code has a status that is an error") {
  for (int code = 1; code <= static_cast<int>(errc::internal); ++code) {
    CAPTURE(code);
    CHECK(status_of(static_cast<errc>(code)) >= 400);
    CHECK(std::string_view{reason_of(status_of(static_cast<errc>(code)))} != "Unknown");
  }
}
