#include "cli/roll_plan.hpp"

#include <doctest/doctest.h>

// Goal: nodes are restarted in an order that moves little, and only while the cluster can spare one. Method: what a leader
// answers in, words out.
namespace troupe::cli {
namespace {

json::object node(const char* id, const char* role, const char* state = "active", std::int64_t behind = 0) {
  return {{"id", id}, {"address", std::string{"10.0.0.1:470"} + id}, {"role", role}, {"state", state}, {"behind", behind}};
}
json::object cluster(json::array nodes, json::array alarms = {}) {
  return {{"leads", true}, {"log_index", 100}, {"nodes", std::move(nodes)}, {"alarms", std::move(alarms)}};
}

TEST_CASE("the leader is restarted last") {
  const auto order = roll_order(cluster({node("1", "voter"), node("2", "leader"), node("3", "learner")}));
  REQUIRE(order.size() == 3);
  CHECK(order[0].id == "1");
  CHECK(order[1].id == "3");
  CHECK(order[2].id == "2");
}

TEST_CASE("a roll does not begin when the cluster cannot spare a node") {
  const json::array three{node("1", "leader"), node("2", "voter"), node("3", "voter")};
  CHECK(why_not_roll(cluster(three)).empty());
  CHECK_FALSE(why_not_roll(cluster({node("1", "leader")})).empty());
  for (const auto* code : {"one_more_loss_stops_writes", "node_silent", "no_leader"})
    CHECK(why_not_roll(cluster(three, {json::object{{"code", code}, {"why", "because"}}})) == "because");
  CHECK(why_not_roll(cluster(three, {json::object{{"code", "version_held_back"}, {"why", "because"}}})).empty());
  CHECK(why_not_roll(cluster({node("1", "leader"), node("2", "voter", "drained"), node("3", "voter")})).find("resume 2")
        != std::string::npos);
  CHECK(why_not_roll(cluster({node("1", "leader"), node("2", "joining")})).find("joining") != std::string::npos);
  auto seen_by_another = cluster(three);
  seen_by_another["leads"] = false;
  CHECK_FALSE(why_not_roll(seen_by_another).empty());
}

TEST_CASE("a node's id, address, host and port are put into the command") {
  const auto order = roll_order(cluster({node("1", "leader")}));
  CHECK(restart_command_for("ssh {host} restart troupe@{port} {port} # {id} {address}", order[0])
        == "ssh 10.0.0.1 restart troupe@4701 4701 # 1 10.0.0.1:4701");
}

TEST_CASE("a node has caught up when it has what the leader had, however much came since") {
  const auto at = [](std::int64_t behind) { return cluster({node("1", "leader"), node("2", "voter", "drained", behind)}); };
  CHECK(has_caught_up(at(10), "2", 90));
  CHECK_FALSE(has_caught_up(at(11), "2", 90));
  CHECK_FALSE(has_caught_up(at(0), "3", 90));
}

}  // namespace
}  // namespace troupe::cli
