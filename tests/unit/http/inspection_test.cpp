#include "http/json/inspection.hpp"
#include "actors/link_roll.hpp"
#include "http/inspection/delta_stream.hpp"
#include "http/inspection/own_actors.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <boost/json/parse.hpp>

#include <algorithm>

// Goal: a viewer sees what it has opened, and each change of it once. Method: a roll and a stream of messages, without threads.
namespace troupe::http::inspection {
namespace {

using actors::actor_roll;
using actors::party;
using std::chrono::steady_clock;

constexpr model::node_id self{0xab};
const std::string node = "00000000000000ab";

boost::json::object parsed(const std::string& text) { return boost::json::parse(text).as_object(); }

std::vector<std::string> paths(const std::vector<mark>& marks) {
  std::vector<std::string> out;
  for (const auto& one : marks) out.push_back(one.path);
  return out;
}

boost::json::object content(const std::vector<mark>& marks, const std::string& path) {
  const auto found = std::ranges::find(marks, path, &mark::path);
  REQUIRE(found != marks.end());
  return parsed(found->json);
}

struct three_slots {
  three_slots() {
    for (const char* name : {"slot-0", "slot-1", "slot-2"}) slots.push_back(roll.enter(party::slot, name, "node"));
    hub = roll.enter(party::hub, "hub");
  }
  std::vector<mark> seen(const watch& wanted) {
    own.count(steady_clock::now(), std::chrono::milliseconds{0});
    std::vector<mark> out;
    own.add_to(out, wanted);
    return out;
  }
  actor_roll roll;
  std::vector<std::shared_ptr<actor_roll::entry>> slots;
  std::shared_ptr<actor_roll::entry> hub;
  own_actors own{roll, self, "127.0.0.1:1"};
};

TEST_CASE("a viewer sees the node, its groups and their members, as far as it has opened them") {
  three_slots it;
  CHECK(paths(it.seen({})) == std::vector{node});
  CHECK(paths(it.seen({.open = {node}})) == std::vector{node, node + "/slot", node + "/hub"});
  CHECK(paths(it.seen({.open = {node, node + "/slot"}})).size() == 6);
  CHECK(paths(it.seen({.open = {node + "/slot"}})) == std::vector{node});  // what is in a closed one is not seen
}

TEST_CASE("a group and a node have the sums of their actors") {
  three_slots it;
  it.slots[0]->received_from(party::shard);
  it.slots[1]->received_from(party::shard);
  it.slots[1]->received_from(party::worker);
  it.slots[1]->has_handled(2, std::chrono::milliseconds{1500});
  it.hub->received_from(party::shard);
  it.slots[2]->has_started_again(4);

  const auto seen = it.seen({.open = {node}});

  const auto group = content(seen, node + "/slot");
  CHECK(group.at("actors") == 3);
  CHECK(group.at("parent") == "node");
  CHECK(group.at("received").at("shard") == 2);
  CHECK(group.at("received").at("worker") == 1);
  CHECK(group.at("handled") == 2);
  CHECK(group.at("busy_seconds") == 1.5);
  CHECK(group.at("restarts") == 4);
  const auto whole = content(seen, node);
  CHECK(whole.at("actors") == 4);
  CHECK(whole.at("received").at("shard") == 3);
  CHECK(whole.at("name") == "127.0.0.1:1");
}

TEST_CASE("an actor says what it is at, and who began it; one that is open, how long it took") {
  three_slots it;
  it.slots[1]->is_now("running",
                      actors::activity{model::job_id{0x1234}, "video-message", "speak", 2, 3, 420, timestamp{duration{1000}}});

  const auto seen = it.seen({.open = {node, node + "/slot", node + "/slot/slot-1"}});

  const auto slot = content(seen, node + "/slot/slot-1");
  CHECK(slot.at("state") == "running");
  CHECK(slot.at("parent") == "node");
  CHECK(slot.at("doing").at("pipeline") == "video-message");
  CHECK(slot.at("doing").at("stage") == "speak");
  CHECK(slot.at("doing").at("attempt") == 3);
  CHECK(slot.at("times").is_array());
  const auto other = content(seen, node + "/slot/slot-0");
  CHECK_FALSE(other.contains("times"));
  CHECK_FALSE(other.contains("doing"));
  CHECK(content(seen, node + "/hub").at("parent").is_null());
}

TEST_CASE("a group of slots and its node say how many are at work") {
  three_slots it;
  const actors::activity speaks{model::job_id{1}, "video-message", "speak", 0, 1, 0, {}};
  it.slots[0]->is_now("running", speaks);
  it.slots[2]->is_now("running", speaks);
  const auto seen = it.seen({.open = {node}});
  CHECK(content(seen, node).at("at_work") == 2);
  CHECK(content(seen, node + "/slot").at("at_work") == 2);
  CHECK_FALSE(content(seen, node + "/hub").contains("at_work"));

  it.slots[2]->is_now("idle");
  CHECK(content(it.seen({}), node).at("at_work") == 1);
}

TEST_CASE("a worker that is open shows the end of what its attempt writes") {
  struct written final : model::ports::attempt_log {
    std::string last(std::size_t bytes_most) const override { return std::string(bytes_most, 'x') + "\n"; }
  };
  actor_roll roll;
  const auto worker = roll.enter(party::worker, "worker-0", "slot-0");
  worker->writes_to(std::make_shared<written>());
  own_actors own{roll, self, ""};
  own.count(steady_clock::now(), std::chrono::milliseconds{0});
  const auto seen_with = [&](std::set<std::string, std::less<>> open) {
    std::vector<mark> out;
    own.add_to(out, {.open = std::move(open)});
    return content(out, node + "/worker/worker-0");
  };
  CHECK_FALSE(seen_with({node, node + "/worker"}).contains("log"));
  CHECK(seen_with({node, node + "/worker", node + "/worker/worker-0"}).at("log").as_string().size() == 4097);
}

TEST_CASE("a node says to whom it sends, of many to whom most") {
  actor_roll roll;
  actors::link_roll links{roll};
  for (std::uint64_t other = 1; other <= 40; ++other) links.has_sent_to(model::node_id{other});
  own_actors own{roll, self, ""};
  own.count(steady_clock::now(), std::chrono::milliseconds{0});
  for (std::uint64_t other = 30; other <= 40; ++other) links.has_sent_to(model::node_id{other});
  own.count(steady_clock::now(), std::chrono::milliseconds{0});
  std::vector<mark> out;
  own.add_to(out, {.open = {node, node + "/links"}});

  const auto sent_to = content(out, node).at("sent_to").as_object();
  CHECK(sent_to.size() == 16);
  for (std::uint64_t other = 30; other <= 40; ++other) CHECK(sent_to.at(fmt::format("{:016x}", other)) == 2);
  CHECK(content(out, node + "/links").at("actors") == 40);
  CHECK(content(out, node + "/links/links-0000000000000028").at("received").at("shard") == 2);
}

TEST_CASE("of a large group the busiest are shown, and what is open itself") {
  actor_roll roll;
  std::vector<std::shared_ptr<actor_roll::entry>> all;
  for (int i = 0; i < 1000; ++i) all.push_back(roll.enter(party::slot, "slot-" + std::to_string(i)));
  own_actors own{roll, self, ""};
  own.count(steady_clock::now(), std::chrono::milliseconds{0});
  for (const int lively : {17, 400, 999}) all[static_cast<std::size_t>(lively)]->has_handled(5, {});
  own.count(steady_clock::now(), std::chrono::milliseconds{0});
  std::vector<mark> seen;

  own.add_to(seen, {.open = {node, node + "/slot", node + "/slot/slot-5"}, .most = 3});

  auto shown = paths(seen);
  std::ranges::sort(shown);
  CHECK(shown
        == std::vector{node, node + "/slot", node + "/slot/slot-17", node + "/slot/slot-400", node + "/slot/slot-5",
                       node + "/slot/slot-999"});
  CHECK(content(seen, node + "/slot").at("actors") == 1000);
}

TEST_CASE("who enters later is seen, too") {
  three_slots it;
  CHECK(content(it.seen({}), node).at("actors") == 4);
  (void)it.roll.enter(party::http, "http");
  CHECK(content(it.seen({}), node).at("actors") == 5);
}

TEST_CASE("one count serves all who look within its time") {
  three_slots it;
  const auto now = steady_clock::now();
  it.own.count(now, std::chrono::milliseconds{50});
  it.hub->received_from(party::shard);
  std::vector<mark> before, after;
  it.own.count(now + std::chrono::milliseconds{49}, std::chrono::milliseconds{50});
  it.own.add_to(before, {});
  it.own.count(now + std::chrono::milliseconds{50}, std::chrono::milliseconds{50});
  it.own.add_to(after, {});
  CHECK(content(before, node).at("received").as_object().empty());
  CHECK(content(after, node).at("received").at("shard") == 1);
}

TEST_CASE("a message has what has changed since the one before") {
  delta_stream stream;
  const auto first = parsed(stream.next({{"a", R"({"n":1})"}, {"b", R"({"n":1})"}}, timestamp{}));
  CHECK(first.at("seq") == 1);
  CHECK(first.at("full") == true);
  CHECK(first.at("marks").as_array().size() == 2);

  const auto second = parsed(stream.next({{"a", R"({"n":2})"}, {"c", R"({"n":1})"}}, timestamp{}));
  CHECK(second.at("seq") == 2);
  CHECK(second.at("full") == false);
  CHECK(second.at("marks") == boost::json::parse(R"([{"n":2},{"n":1}])"));
  CHECK(second.at("gone") == boost::json::parse(R"(["b"])"));

  const auto third = parsed(stream.next({{"a", R"({"n":2})"}, {"b", R"({"n":1})"}, {"c", R"({"n":1})"}}, timestamp{}));
  CHECK(third.at("marks").as_array().size() == 1);
  CHECK(third.at("gone").as_array().empty());
}

TEST_CASE("what a node says is read back as it was said") {
  delta_stream stream;
  const auto said = stream.next({{node + "/slot", R"({"path":")" + node + R"(/slot","new":[1]})"}}, timestamp{});
  const auto read = json::read_delta(said);
  REQUIRE(read.has_value());
  CHECK(read->is_full);
  CHECK(paths(read->marks) == std::vector{node + "/slot"});
  CHECK(parsed(read->marks.at(0).json).at("new") == boost::json::parse("[1]"));
  CHECK(parsed(json::as_state(read->marks.at(0).json, "silent")).at("state") == "silent");
  CHECK_FALSE(json::read_delta("[]").has_value());
  CHECK(json::read_delta(R"({"marks":[1,{"path":"../x"},{"path":2}],"gone":[3]})")->marks.empty());
}

TEST_CASE("what is wanted is checked") {
  const auto good = json::read_watch(R"({"open":["00000000000000ab/slot"],"hz":10,"most":7,"scope":"node"})");
  REQUIRE(good.has_value());
  CHECK(good->open == std::set<std::string, std::less<>>{node + "/slot"});
  CHECK(good->hz == 10);
  CHECK(good->most == 7);
  CHECK(good->is_of_node_alone);
  CHECK(json::to_json(*json::read_watch(json::to_json(*good))) == json::to_json(*good));
  CHECK(json::read_watch("{}").has_value());
  for (const char* bad :
       {"", "[]", "{\"open\":1}", "{\"open\":[1]}", R"({"open":["x"]})", R"({"open":["00000000000000ab/a/b/c"]})",
        R"({"open":["00000000000000ab/"]})", R"({"hz":0.9})", R"({"hz":11})", R"({"hz":"a"})", R"({"most":0})",
        R"({"most":2001})", R"({"scope":"all"})", R"({"more":1})"})
    CHECK_MESSAGE(!json::read_watch(bad).has_value(), bad);
  std::string many = R"({"open":[)";
  for (int i = 0; i < 257; ++i) many += (i ? ",\"" : "\"") + node + "/k/" + std::to_string(i) + '"';
  CHECK_FALSE(json::read_watch(many + "]}").has_value());
  CHECK(json::read_watch(many + R"(],"scope":"node"})").has_value());
}

}  // namespace
}  // namespace troupe::http::inspection
