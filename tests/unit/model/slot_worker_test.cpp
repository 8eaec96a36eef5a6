#include "model/slot_support.hpp"

// Goal: workers that do not start, die idle or must go. Method: one machine, a clock that the test moves.
namespace troupe::model {
namespace {

using namespace testing;
using phase = slot_machine::phase;

TEST_CASE("a worker that has not said hello in time is killed and replaced") {
  slot_under_test slot;
  slot.tick();

  CHECK_FALSE(slot.tick(9'999ms).kill_worker);
  CHECK(slot.tick(1ms).kill_worker);

  CHECK(slot.exited().start_worker);
}

TEST_CASE("a hello that comes after the kill opens nothing") {
  slot_under_test slot;
  slot.tick();
  slot.tick(10s);

  CHECK_FALSE(slot.ready().ask);
  CHECK(slot.exited().start_worker);
}

TEST_CASE("workers that die at once are started again after pauses that double up to the most") {
  slot_under_test slot;
  slot.tick();
  std::vector<duration> pauses;
  for (int i = 0; i < 12; ++i) {
    const auto out = slot.exited();
    pauses.push_back(out.wake_at - slot.now);
    slot.now = out.wake_at;
    CHECK(slot.tick().start_worker);
  }

  CHECK(pauses[0] == 100ms);
  CHECK(pauses[1] == 200ms);
  CHECK(pauses[11] == 30s);
}

TEST_CASE("a worker that cannot be started is tried again after a pause") {
  slot_under_test slot;
  slot.tick();

  const auto out = slot.step(slot_event::start_failed{error{errc::process_failed, "no memory"}});

  CHECK_FALSE(out.start_worker);
  CHECK(out.wake_at == slot.now + 100ms);
}

TEST_CASE("a worker that lived for long and dies idle is replaced at once") {
  auto slot = slot_under_test::asking();

  CHECK(slot.exited().start_worker);
}

TEST_CASE("the next ask after a dead worker has a new number") {
  auto slot = slot_under_test::asking();
  slot.exited();

  CHECK(slot.ready().ask->ask == 2);
}

TEST_CASE("an idle slot that stops lets its worker go and is stopped when it is gone") {
  auto slot = slot_under_test::asking();

  const auto first = slot.stop(10s);
  CHECK(first.stop_worker);
  CHECK_FALSE(first.stopped);
  const auto out = slot.exited();

  CHECK(out.stopped);
  CHECK_FALSE(out.start_worker);
  CHECK(slot.where() == phase::stopped);
}

TEST_CASE("a slot that stops takes no new task and asks no more") {
  auto slot = slot_under_test::asking();
  slot.stop(10s);

  const auto out = slot.grant(a_task());

  CHECK_FALSE(out.run);
  REQUIRE(out.finish.size() == 1);
  CHECK(cause_of(out.finish[0]) == failure_cause::handed_back);
  CHECK_FALSE(slot.tick(2s).ask);
}

TEST_CASE("a running task may end before the stop is due") {
  auto slot = slot_under_test::running();
  CHECK_FALSE(slot.stop(10s).kill_worker);
  slot.now += 5s;

  const auto done = slot.done(a_task());
  CHECK(std::holds_alternative<attempt_result>(done.finish.at(0).outcome));
  CHECK(done.stop_worker);
  slot.answered(a_task());

  CHECK(slot.exited().stopped);
}

TEST_CASE("a task that still runs when the stop is due is killed and handed back") {
  auto slot = slot_under_test::running();
  slot.stop(10s);

  CHECK(slot.tick(10s).kill_worker);
  const auto out = slot.exited();

  CHECK(cause_of(out.finish.at(0)) == failure_cause::handed_back);
}

TEST_CASE("a worker that does not go when asked is killed when the stop is due") {
  auto slot = slot_under_test::asking();
  slot.stop(10s);

  CHECK_FALSE(slot.tick(9s).kill_worker);
  CHECK(slot.tick(1s).kill_worker);
  CHECK(slot.exited().stopped);
}

TEST_CASE("a stopping slot gives an unanswered report one more second after the stop is due") {
  auto slot = slot_under_test::running();
  slot.stop(1s);
  slot.done(a_task());
  CHECK_FALSE(slot.exited().stopped);

  CHECK_FALSE(slot.tick(1s).stopped);

  CHECK(slot.tick(1s).stopped);
}

TEST_CASE("a second stop can only hasten the first") {
  auto slot = slot_under_test::running();
  slot.stop(10s);
  slot.stop(20s);
  CHECK_FALSE(slot.tick(9s).kill_worker);

  CHECK(slot.tick(1s).kill_worker);
}

TEST_CASE("a slot that stops while its report is unanswered sleeps until the report is due again") {
  auto slot = slot_under_test::running();
  slot.stop(10s);
  slot.done(a_task());

  const auto out = slot.exited();

  CHECK(out.wake_at > slot.now);
}

TEST_CASE("a stopped slot does nothing, whatever comes") {
  auto slot = slot_under_test::asking();
  slot.stop(10s);
  slot.exited();

  const auto out = slot.grant(a_task());

  CHECK_FALSE(out.run);
  CHECK_FALSE(out.start_worker);
  CHECK(out.wake_at == timestamp::max());
}

TEST_CASE("a slot whose worker may not start yet is closed and says why, and tries again when it was told to") {
  slot_under_test slot;
  slot.tick();

  const auto out = slot.step(slot_event::put_off{"others have 3.0 GiB of it", 250ms});
  CHECK_FALSE(out.start_worker);
  CHECK(out.wake_at == slot.now + 250ms);
  CHECK(slot.machine.closed_because() == "others have 3.0 GiB of it");
  CHECK(slot.machine.worker_starts() == 0);
  CHECK(slot.tick(250ms).start_worker);
  slot.step(slot_event::put_off{"others have 2.0 GiB of it", 250ms});
  CHECK(slot.machine.closed_because() == "others have 2.0 GiB of it");

  CHECK(slot.tick(250ms).start_worker);
  CHECK(slot.ready().ask);
  CHECK(slot.machine.closed_because().empty());
  CHECK(slot.machine.worker_starts() == 1);
}

TEST_CASE("a slot that closes takes back what its worker had asked for") {
  auto slot = slot_under_test::asking();
  slot.exited();

  const auto out = slot.step(slot_event::put_off{"its device is lost", 250ms});

  REQUIRE(out.ask);
  CHECK(out.ask->ask == 1);
  CHECK(out.ask->is_withdrawn);
  slot.tick(250ms);
  CHECK_FALSE(slot.step(slot_event::put_off{"its device is lost", 250ms}).ask);
}

TEST_CASE("a slot that is closed stops at once") {
  slot_under_test slot;
  slot.tick();
  slot.step(slot_event::put_off{"its device is lost", 1s});

  CHECK(slot.stop(10s).stopped);
}

}  // namespace
}  // namespace troupe::model
