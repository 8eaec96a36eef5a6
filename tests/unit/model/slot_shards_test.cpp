#include "model/slot_support.hpp"

// Goal: a slot that works for several shards loses no report. Method: one machine that knows two shards; jobs 1 and 2 are of the
// first, and `far` is of the second.
namespace troupe::model {
namespace {

using namespace testing;

constexpr std::uint64_t far = std::uint64_t{4000} << 52;

slot_under_test of_two_shards() {
  slot_under_test slot;
  slot.machine = slot_machine{slot_options{.self = some_slot, .offer = {{"gpu"}, 2}, .shards = shard_map{2}}};
  slot.tick();
  slot.ready();
  slot.now += 2s;
  return slot;
}

TEST_CASE("a grant of the same shard answers the report that went before the ask") {
  auto slot = of_two_shards();
  slot.grant(a_task(1));
  slot.done(a_task(1));
  slot.grant(a_task(2), 2);
  CHECK_FALSE(slot.machine.has_unanswered_report());
}

TEST_CASE("a report to one shard is repeated while a task of another one runs") {
  auto slot = of_two_shards();
  slot.grant(a_task(1));
  slot.done(a_task(1));
  slot.grant(a_task(far), 2);

  const auto again = slot.tick(1s);

  REQUIRE(again.finish.size() == 1);
  CHECK(again.finish[0].task == a_task(1).task);
  slot.answered(a_task(1));
  CHECK(slot.tick(1s).finish.empty());
}

TEST_CASE("reports to two shards stay open side by side, each until it is answered") {
  auto slot = of_two_shards();
  slot.grant(a_task(1));
  slot.done(a_task(1));
  slot.grant(a_task(far), 2);
  const auto out = slot.done(a_task(far));

  REQUIRE(out.ask);
  CHECK(out.ask->after == attempt_ref{a_task(far).task, attempt_no{1}});
  CHECK(slot.machine.open_reports().size() == 2);
  CHECK(slot.tick(1s).finish.size() == 2);
  slot.answered(a_task(far));
  CHECK(slot.machine.open_reports() == std::vector{attempt_ref{a_task(1).task, attempt_no{1}}});
  slot.revoked(a_task(1));
  CHECK_FALSE(slot.machine.has_unanswered_report());
}

TEST_CASE("a second grant to an ask that moved is handed back, and the first one runs on") {
  auto slot = of_two_shards();
  slot.grant(a_task(1));

  const auto out = slot.grant(a_task(far));

  REQUIRE(out.finish.size() == 1);
  CHECK(out.finish[0].task == a_task(far).task);
  CHECK(cause_of(out.finish[0]) == failure_cause::handed_back);
  CHECK(slot.machine.current()->task == a_task(1).task);
}

}  // namespace
}  // namespace troupe::model
