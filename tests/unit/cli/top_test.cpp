#include "cli/actor_rates.hpp"
#include "cli/terminal.hpp"
#include "cli/top_picture.hpp"

#include <doctest/doctest.h>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <string>

// Goal: what is counted becomes rates, and rates become lines that people can read. Method: windows by hand.
namespace troupe::cli {
namespace {

json::object window(const std::string& marks) {
  return json::parse(R"({"seq":1,"full":true,"marks":[)" + marks + "]}").as_object();
}

std::string mark(const std::string& path, const std::string& rest) { return R"({"path":")" + path + R"(",)" + rest + "}"; }

bool has_line(const std::vector<std::string>& lines, std::initializer_list<std::string_view> parts) {
  return std::ranges::any_of(lines, [&](const std::string& line) {
    return std::ranges::all_of(parts, [&](auto part) { return line.find(part) != std::string::npos; });
  });
}

TEST_CASE("rates are the difference of two windows by the time between them") {
  actor_rates rates;
  const auto first = rates.next(
      window(
          mark("n/slot/slot-0",
               R"("handled":100,"busy_seconds":1,"in_line_seconds":2,"received":{"shard":10},"times":[[0.001,90],[null,10]])")),
      1s);
  CHECK(first.at(0).handled == 0);

  const auto rows = rates.next(
      window(mark(
          "n/slot/slot-0",
          R"("handled":140,"busy_seconds":1.5,"in_line_seconds":2.4,"received":{"shard":30,"worker":4},"waiting":3,"times":[[0.001,110],[null,30]])")),
      3s);

  const auto& row = rows.at(0);
  CHECK(row.handled == 20);
  CHECK(row.busy == 0.25);
  CHECK(row.mean_seconds == doctest::Approx(0.0125));
  CHECK(row.waited_seconds == doctest::Approx(0.01));
  CHECK(row.received.at("shard") == 10);
  CHECK(row.received.at("worker") == 2);
  CHECK(row.waiting == 3);
  REQUIRE(row.times.size() == 2);
  CHECK(row.times[0].first == 0.001);
  CHECK(row.times[0].second == 10);
  CHECK_FALSE(row.times[1].first);
  CHECK(row.times[1].second == 10);
}

TEST_CASE("an actor that has begun anew has no rate yet") {
  actor_rates rates;
  (void)rates.next(window(mark("n", R"("handled":100,"busy_seconds":9)")), 1s);
  const auto rows = rates.next(window(mark("n", R"("handled":5,"busy_seconds":1)")), 2s);
  CHECK(rows.at(0).handled == 0);
  CHECK(rows.at(0).busy == 0);
}

TEST_CASE("a node may send anything") {
  actor_rates rates;
  CHECK(rates.next({}, 1s).empty());
  CHECK(rates.next(json::parse(R"({"marks":[1,null,[]]})").as_object(), 2s).empty());
  const auto rows = rates.next(window(mark("n", R"("handled":"x","received":[1],"times":[1,[1],["a","b"]],"doing":7)")), 3s);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].handled == 0);
  CHECK(rows[0].times.empty());
  CHECK(rows[0].received.empty());
  CHECK(rows[0].doing.empty());
}

top_picture some_picture() {
  top_picture top;
  top.url = "http://127.0.0.1:8080";
  const std::string a(16, 'a'), b(16, 'b');
  top.cluster =
      json::parse(R"({"leader":")" + a + R"(","term":7,"alarms":[{"code":"x","why":"something is wrong"}]})").as_object();
  top.node = json::parse(R"({"jobs_queued":12,"jobs_running":1,"tasks_ready":3,"queue_limit":1000})").as_object();
  auto& node = top.nodes.emplace_back();
  node.id = a;
  node.role = "leader";
  node.state = "draining";
  actor_rates rates;
  const auto marks = [&](int handled) {
    const auto count = std::to_string(handled);
    return mark(a, R"("kind":"node","name":"127.0.0.1:8080","state":"up")") + ","
           + mark(b, R"("kind":"node","name":"127.0.0.1:8081","state":"silent")") + ","
           + mark(a + "/slot/slot-0",
                  R"("kind":"slot","name":"slot-0","state":"running","handled":)" + count
                      + R"(,"busy_seconds":0,"waiting":1,"doing":{"job":"0123456789abcdef","stage":"speak","permille":420})")
           + ","
           + mark(a + "/slot/slot-1", R"("kind":"slot","name":"slot-1","state":"idle","handled":0,"busy_seconds":)"
                                          + std::to_string(handled / 100.0));
  };
  (void)rates.next(window(marks(0)), 1s);
  top.rows = rates.next(window(marks(50)), 2s);
  top.jobs = json::parse(R"([{"id":"0123456789abcdef","pipeline":"video-message","permille":500}])").as_array();
  return top;
}

TEST_CASE("the picture has nodes, jobs and actors, and what is wrong") {
  const auto lines = render_top(some_picture(), 200, 100);
  CHECK(has_line(lines, {"1 of 2 nodes up", "127.0.0.1:8080 leads, term 7"}));
  CHECK(has_line(lines, {"12 queued of 1000", "1 running", "3 tasks wait"}));
  CHECK(has_line(lines, {"! something is wrong"}));
  CHECK(has_line(lines, {"127.0.0.1:8080", "draining", "leader", "1/2"}));
  CHECK(has_line(lines, {"127.0.0.1:8081", "silent"}));
  CHECK(has_line(lines, {"0123456789abcdef", "video-message", "speak", "127.0.0.1:8080 slot-0", "50 %"}));
}

TEST_CASE("the busiest actors stand first, by what is asked for") {
  auto top = some_picture();
  const auto line_of = [&](std::string_view name) {
    const auto lines = render_top(top, 200, 100);
    const auto at = std::ranges::find_if(
        lines, [&](const auto& line) { return line.find("127.0.0.1:8080           " + std::string{name}) == 0; });
    return at - lines.begin();
  };
  CHECK(line_of("slot-1") < line_of("slot-0"));
  top.order = top_order::rate;
  CHECK(line_of("slot-0") < line_of("slot-1"));
  top.order = top_order::mailbox;
  CHECK(line_of("slot-0") < line_of("slot-1"));
  top.scrolled = 1;
  CHECK_FALSE(has_line(render_top(top, 200, 100), {"127.0.0.1:8080           slot-0"}));
  top.scrolled = 1000;
  CHECK(has_line(render_top(top, 200, 100), {"slot-1"}));
}

TEST_CASE("the picture stays within the terminal, and what comes from elsewhere cannot steer it") {
  auto top = some_picture();
  top.trouble =
      "\x1b[2Jevil\xc2\x9b"
      "2J";
  const auto lines = render_top(top, 40, 5);
  CHECK(lines.size() == 5);
  for (const auto& line : lines) {
    CHECK(line.size() <= 40 + 8);  // bytes; characters may have several
    CHECK(line.find('\x1b') == std::string::npos);
    CHECK(line.find('\x9b') == std::string::npos);
  }
}

TEST_CASE("keys are those of htop") {
  const auto keys_of = [](std::string sent) {
    std::vector<key> out;
    while (!sent.empty()) out.push_back(take_key(sent));
    return out;
  };
  CHECK(keys_of("q") == std::vector{key::quit});
  CHECK(keys_of("\x1b[21~") == std::vector{key::quit});
  CHECK(keys_of("PM") == std::vector{key::by_busy, key::by_mailbox});
  CHECK(keys_of("\x1b[A\x1b[A\x1bOPq") == std::vector{key::up, key::up, key::help, key::quit});
  CHECK(keys_of("x ") == std::vector{key::other, key::pause});
  CHECK(keys_of("\x1b[1;5Qq") == std::vector{key::other});
  std::string nothing;
  CHECK(take_key(nothing) == key::none);
}

TEST_CASE("times are short") {
  CHECK(rough_seconds(0) == "-");
  CHECK(rough_seconds(0.00045) == "450 us");
  CHECK(rough_seconds(0.0123) == "12.3 ms");
  CHECK(rough_seconds(1.25) == "1.2 s");
  CHECK(rough_rate(0.054) == "0.05");
  CHECK(rough_rate(12.34) == "12.3");
  CHECK(rough_rate(4200.4) == "4200");
  CHECK(rough_rate(1e300) == "999999999");
}

}  // namespace
}  // namespace troupe::cli
