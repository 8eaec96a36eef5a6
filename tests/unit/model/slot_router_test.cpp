#include "model/slot_router.hpp"

#include <doctest/doctest.h>

#include <set>

// Goal: the asks of a node's slots lie where there is work, and spread where there is none. Method: one router, a clock that the
// test moves, and the book of what lies at which shard if every order is carried out.
namespace troupe::model {
namespace {

/// Node 0 begins at shard 0, so slot k is at home at shard k.
struct router_under_test {
  explicit router_under_test(std::uint32_t shards) : router(slot_router_options{.shards = shard_map{shards}}) {}

  slot_router_effects step(const slot_router_event::any& what) {
    auto out = router.step(what, now);
    for (const auto& [shard, ask] : out.orders) {
      if (ask.is_withdrawn)
        lying.erase({shard.raw(), ask.slot.index});
      else
        lying.insert({shard.raw(), ask.slot.index});
    }
    return out;
  }
  slot_router_effects ask(std::uint16_t slot, std::uint64_t number, std::vector<attempt_ref> reports = {}) {
    return step(slot_router_event::asked{{{node_id{}, incarnation{1}, slot}, number, {}, false, {}}, std::move(reports)});
  }
  slot_router_effects withdraw(std::uint16_t slot, std::uint64_t number) {
    return step(slot_router_event::asked{{{node_id{}, incarnation{1}, slot}, number, {}, true, {}}, {}});
  }
  slot_router_effects ready(std::uint32_t shard, std::size_t tasks) {
    return step(slot_router_event::ready{shard_no{shard}, tasks});
  }
  slot_router_effects served(std::uint32_t shard, std::uint16_t slot, std::uint64_t number) {
    lying.erase({shard, slot});
    return step(slot_router_event::served{shard_no{shard}, slot, number});
  }
  slot_router_effects tick(duration later) {
    now += later;
    return step(slot_router_event::tick{});
  }

  slot_router router;
  timestamp now = from_unix_ms(1'700'000'000'000);
  std::set<std::pair<std::uint32_t, std::uint16_t>> lying;  ///< shard, slot
};

using lies = std::set<std::pair<std::uint32_t, std::uint16_t>>;

TEST_CASE("without work anywhere the asks of a node's slots lie at different shards") {
  router_under_test node{4};
  for (std::uint16_t slot = 0; slot < 4; ++slot) node.ask(slot, 1);
  CHECK(node.lying == lies{{0, 0}, {1, 1}, {2, 2}, {3, 3}});
}

TEST_CASE("with one shard every ask goes there and stays") {
  router_under_test node{1};
  node.ask(0, 1);
  node.ready(0, 5);
  const auto out = node.tick(5s);
  CHECK(out.orders.empty());
  CHECK(out.wake_at == timestamp::max());
  CHECK(node.lying == lies{{0, 0}});
}

TEST_CASE("a new ask goes where there is work, by turns") {
  router_under_test node{4};
  node.ready(1, 10);
  node.ready(3, 10);
  for (std::uint16_t slot = 0; slot < 4; ++slot) node.ask(slot, 1);
  CHECK(node.lying == lies{{1, 0}, {3, 1}, {1, 2}, {3, 3}});
}

TEST_CASE("no more asks of a node go to a shard than it has tasks") {
  router_under_test node{4};
  node.ready(2, 1);
  for (std::uint16_t slot = 0; slot < 2; ++slot) node.ask(slot, 1);
  CHECK(node.lying == lies{{2, 0}, {1, 1}});
}

TEST_CASE("a parked ask moves to work that nobody else takes, after a moment, and keeps its number") {
  router_under_test node{4};
  node.ask(0, 7);
  const auto first = node.ready(2, 1);
  CHECK(first.orders.empty());
  CHECK(first.wake_at == node.now + 10ms);

  const auto out = node.tick(10ms);

  REQUIRE(out.orders.size() == 2);
  CHECK((out.orders[0].shard == shard_no{0} && out.orders[0].ask.is_withdrawn && out.orders[0].ask.ask == 7));
  CHECK((out.orders[1].shard == shard_no{2} && !out.orders[1].ask.is_withdrawn && out.orders[1].ask.ask == 7));
  CHECK(out.wake_at == timestamp::max());
}

TEST_CASE("work that others take in that moment moves nothing") {
  router_under_test node{4};
  node.ask(0, 1);
  node.ready(2, 1);
  node.ready(2, 0);
  CHECK(node.tick(1s).orders.empty());
}

TEST_CASE("asks that lie where there is work stay there, unless nobody serves them for long") {
  router_under_test node{4};
  node.ready(0, 1);
  node.ask(0, 1);
  node.ready(2, 1);
  CHECK(node.tick(999ms).orders.empty());
  CHECK(node.tick(1ms).orders.size() == 2);
  CHECK(node.lying == lies{{2, 0}});
}

TEST_CASE("an ask does not wander more often than it may") {
  router_under_test node{4};
  node.ask(0, 1);
  node.ready(1, 1);
  node.tick(10ms);
  node.ready(1, 0);
  node.ready(2, 1);

  CHECK(node.tick(49ms).orders.empty());
  CHECK(node.tick(1ms).orders.size() == 2);
}

TEST_CASE("a slot that was served asks nowhere; an ask that had moved on is taken back where it lies") {
  router_under_test node{4};
  node.ask(0, 1);
  node.ready(2, 1);
  node.tick(10ms);
  CHECK(node.lying == lies{{2, 0}});

  node.served(0, 0, 1);  // the grant was under way when the ask moved

  CHECK(node.lying.empty());
  CHECK(node.tick(10s).orders.empty());
}

TEST_CASE("what was served long ago says nothing about a newer ask") {
  router_under_test node{4};
  node.ask(0, 1);
  node.ask(0, 2);
  CHECK(node.served(0, 0, 1).orders.empty());
  CHECK(node.ask(0, 2).orders.size() == 1);  // still known: its repetition goes where it lies
}

TEST_CASE("the ask before a new one is taken back, if it lies elsewhere") {
  router_under_test node{4};
  node.ask(0, 1);
  node.ready(2, 1);
  const auto out = node.ask(0, 2);
  REQUIRE(out.orders.size() == 2);
  CHECK((out.orders[0].ask.is_withdrawn && out.orders[0].ask.ask == 1));
  CHECK(node.lying == lies{{2, 0}});
}

TEST_CASE("a slot that stops takes its ask back where it lies") {
  router_under_test node{4};
  node.ask(3, 1);
  node.withdraw(3, 1);
  CHECK(node.lying.empty());
  CHECK(node.withdraw(3, 1).orders.empty());
}

TEST_CASE("an ask that has moved goes home when there is nothing more where it lies") {
  router_under_test node{4};
  node.ask(1, 1);
  node.ready(2, 1);
  node.tick(10ms);
  node.ready(2, 0);
  node.now += 500ms;
  CHECK(node.ask(1, 1).orders.size() == 1);
  node.now += 500ms;
  node.ask(1, 1);
  CHECK(node.lying == lies{{1, 1}});
}

TEST_CASE("an ask names the open report of the shard that it goes to, and no other one") {
  router_under_test node{2};
  const attempt_ref of_0{{job_id::make(bucket_no{1}, 5), 0, 0}, attempt_no{1}};
  const attempt_ref of_1{{job_id::make(bucket_no{4000}, 5), 0, 0}, attempt_no{1}};

  const auto parked = node.ask(0, 1, {of_0, of_1});
  REQUIRE(parked.orders.size() == 1);
  CHECK(parked.orders[0].ask.after == of_0);

  node.ready(1, 1);
  const auto moved = node.tick(10ms);
  REQUIRE(moved.orders.size() == 2);
  CHECK(moved.orders[1].ask.after == of_1);
}

}  // namespace
}  // namespace troupe::model
