#include "actors/shard_views.hpp"

#include <doctest/doctest.h>

// Goal: several shards are shown as one cluster. Method: what shards answer in, what people see out.
namespace troupe::actors {
namespace {

member_view member(std::uint64_t id, const char* role, const char* state, std::uint64_t tasks = 0, std::uint64_t boot = 1) {
  return {model::node_id{id}, model::incarnation{boot}, "10.0.0.1:" + std::to_string(boot), role, state, tasks};
}

shard_status shard(std::vector<member_view> members) {
  shard_status status;
  status.ready = true;
  status.members = std::move(members);
  status.jobs_queued = 2;
  status.jobs_running = 1;
  status.tasks_ready = 3;
  status.queue_limit = 100;
  status.log_index = 50;
  status.log_term = 4;
  status.leader = model::node_id{1};
  return status;
}

TEST_CASE("what shards count is summed up") {
  auto second = shard({member(1, "voter", "active"), member(2, "leader", "active")});
  second.log_term = 9;
  second.leader = model::node_id{2};
  node_view view;
  add_shards({shard({member(1, "leader", "active"), member(2, "voter", "active")}), second}, model::node_id{1}, view);

  CHECK(view.ready);
  CHECK(view.jobs_queued == 4);
  CHECK(view.jobs_running == 2);
  CHECK(view.tasks_ready == 6);
  CHECK(view.queue_limit == 200);
  CHECK(view.log_index == 100);
  CHECK(view.log_term == 9);
  REQUIRE(view.shards.size() == 2);
  CHECK(view.shards[0].role == "leader");
  CHECK(view.shards[1].role == "voter");
  CHECK(view.shards[1].leader == model::node_id{2});
}

TEST_CASE("a node is ready when all its shards are, and says which one is not") {
  auto second = shard({});
  second.ready = false;
  second.why_not_ready = "because";
  node_view view;
  add_shards({shard({}), second}, model::node_id{1}, view);
  CHECK_FALSE(view.ready);
  CHECK(view.why_not_ready == "shard 1: because");
}

TEST_CASE("the only shard's reason stands for itself; one that does not answer has no leader") {
  node_view view;
  add_shards({std::nullopt}, model::node_id{1}, view);
  CHECK_FALSE(view.ready);
  CHECK(view.why_not_ready == "nobody leads: the job log is being read, or no majority of the voters can be reached");
}

TEST_CASE("a node is drained when all shards that know it say so; its newest start and all its tasks count") {
  const auto all = members_of({shard({member(1, "leader", "active", 1), member(2, "voter", "drained", 0)}),
                               shard({member(1, "voter", "active", 2, 5), member(2, "voter", "draining", 1)})});
  REQUIRE(all.size() == 2);
  CHECK(all[0].role == "leader");
  CHECK(all[0].state == "active");
  CHECK(all[0].tasks == 3);
  CHECK(all[0].boot == model::incarnation{5});
  CHECK(all[0].address == "10.0.0.1:5");
  CHECK(all[1].state == "draining");
  CHECK(members_of({shard({member(2, "voter", "drained")}), shard({member(2, "learner", "drained")})})[0].state == "drained");
}

TEST_CASE("a pause of several shards is one, since the first of them took it, and what it holds is summed up") {
  const auto at = [](std::int64_t second) { return from_unix_ms(second * 1000); };
  queue_view all;
  add_queue({.pauses = {{"talk", {at(5), "why"}, 3, 2}}, .tasks_ready = 1, .tasks_paused = 3, .changed = false}, all);
  add_queue({.pauses = {{std::nullopt, {at(9), ""}, 4, 1}, {"talk", {at(4), "why"}, 1, 1}}, .tasks_paused = 4, .changed = true},
            all);
  REQUIRE(all.pauses.size() == 2);
  CHECK(all.pauses[0].of == std::nullopt);
  CHECK(all.pauses[1].of == model::paused_scope{"talk"});
  CHECK(all.pauses[1].pause.since == at(4));
  CHECK(all.pauses[1].tasks == 4);
  CHECK(all.pauses[1].jobs == 3);
  CHECK(all.tasks_ready == 1);
  CHECK(all.tasks_paused == 7);
  CHECK(all.changed);
}

TEST_CASE("of several shards the highest level and the longest waits count") {
  queue_view all;
  add_queue(
      {.pauses = {},
       .load = {{.level = 1, .why = "one"}, {{{2, from_unix_ms(7000)}, {}, {1, from_unix_ms(9000)}}}, {3s, std::nullopt, 0s}}},
      all);
  add_queue({.pauses = {}, .load = {{.level = 3, .why = "other"}, {{{1, from_unix_ms(5000)}, {}, {}}}, {2s, 1s, std::nullopt}}},
            all);
  add_queue({.pauses = {}, .load = {{}, {}, {}}}, all);
  CHECK(all.load.waiting[0].tasks == 3);
  CHECK(all.load.waiting[0].oldest == from_unix_ms(5000));
  CHECK_FALSE(all.load.waiting[1].oldest);
  CHECK(all.load.waiting[2].oldest == from_unix_ms(9000));
  CHECK(all.load.degradation.level == 3);
  CHECK(all.load.degradation.why == "other");
  CHECK(all.load.expected_waits == std::array<std::optional<duration>, 3>{3s, 1s, 0s});
}

TEST_CASE("a node is not taken out of one shard while another one waits for it") {
  const auto drained = shard({member(2, "learner", "drained")});
  const auto draining = shard({member(2, "voter", "draining")});
  CHECK(why_not_removable({drained, draining}, model::node_id{2})->code == errc::conflict);
  CHECK_FALSE(why_not_removable({drained, drained}, model::node_id{2}));
  CHECK_FALSE(why_not_removable({drained, shard({})}, model::node_id{2}));  // the rest of a removal that was cut off
  CHECK_FALSE(why_not_removable({draining, draining}, model::node_id{2}));  // dead or alive: the leaders know
  CHECK(why_not_removable({drained, std::nullopt}, model::node_id{2})->code == errc::timed_out);
}

}  // namespace
}  // namespace troupe::actors
