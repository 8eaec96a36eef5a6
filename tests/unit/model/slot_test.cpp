#include "model/slot_support.hpp"

// Goal: each line of the slot's diagram, with what comes late, twice or never. Method: one machine, a clock that the test moves.
namespace troupe::model {
namespace {

using namespace testing;
using phase = slot_machine::phase;

attempt_failure crash() { return {failure_cause::crashed, "signal 11", "last words"}; }

TEST_CASE("a new slot starts its worker and asks for nothing before the worker says hello") {
  slot_under_test slot;

  const auto out = slot.tick();

  CHECK(out.start_worker);
  CHECK_FALSE(out.ask);
  CHECK(slot.where() == phase::starting);
}

TEST_CASE("a slot whose worker says hello asks for work") {
  slot_under_test slot;
  slot.tick();

  const auto out = slot.ready();

  REQUIRE(out.ask);
  CHECK(out.ask->ask == 1);
  CHECK(out.ask->slot == some_slot);
  CHECK(out.ask->offer.labels == std::vector<std::string>{"gpu"});
  CHECK(slot.where() == phase::asking);
}

TEST_CASE("an ask without an answer is repeated with its number, once a second") {
  auto slot = slot_under_test::asking();
  slot.tick();

  CHECK_FALSE(slot.tick(999ms).ask);
  const auto out = slot.tick(1ms);

  REQUIRE(out.ask);
  CHECK(out.ask->ask == 1);
  CHECK(out.wake_at == slot.now + 1s);
}

TEST_CASE("a slot that is granted a task runs it and asks no more") {
  auto slot = slot_under_test::asking();

  const auto out = slot.grant(a_task());

  REQUIRE(out.run);
  CHECK(out.run->task == a_task().task);
  CHECK(slot.where() == phase::running);
  CHECK_FALSE(slot.tick(5s).ask);
}

TEST_CASE("a grant that comes twice runs once") {
  auto slot = slot_under_test::running();

  const auto out = slot.grant(a_task());

  CHECK_FALSE(out.run);
  CHECK(out.finish.empty());
}

TEST_CASE("a grant for an older ask is handed back") {
  auto slot = slot_under_test::asking();
  slot.exited();
  slot.tick();
  slot.ready();

  const auto out = slot.grant(a_task(), 1);

  CHECK_FALSE(out.run);
  REQUIRE(out.finish.size() == 1);
  CHECK(cause_of(out.finish[0]) == failure_cause::handed_back);
}

TEST_CASE("a second task is handed back while one runs") {
  auto slot = slot_under_test::running(a_task(1));

  const auto out = slot.grant(a_task(2), 2);

  CHECK_FALSE(out.run);
  REQUIRE(out.finish.size() == 1);
  CHECK(out.finish[0].task == a_task(2).task);
  CHECK(slot.machine.current()->task == a_task(1).task);
}

TEST_CASE("a grant that comes again after its attempt has ended does not answer for it") {
  auto slot = slot_under_test::running();
  slot.done(a_task());

  CHECK(slot.grant(a_task()).finish.empty());
}

TEST_CASE("a slot that runs sends a sign of life each second, also without progress") {
  auto slot = slot_under_test::running();

  CHECK_FALSE(slot.tick(999ms).heartbeat);
  const auto out = slot.tick(1ms);

  REQUIRE(out.heartbeat);
  CHECK(out.heartbeat->attempt == attempt_no{1});
}

TEST_CASE("progress is passed on at once and never falls") {
  auto slot = slot_under_test::running();

  CHECK(slot.progress(a_task(), 400).heartbeat->progress.permille == 400);
  slot.progress(a_task(), 100);

  CHECK(slot.machine.progress().permille == 400);
}

TEST_CASE("progress of another attempt is ignored") {
  auto slot = slot_under_test::running(a_task(1, 2));

  CHECK_FALSE(slot.progress(a_task(1, 1), 400).heartbeat);
  CHECK(slot.machine.progress().permille == 0);
}

TEST_CASE("a done task is reported until the shard answers, and the slot asks anew at once") {
  auto slot = slot_under_test::running();

  const auto first = slot.done(a_task());
  REQUIRE(first.finish.size() == 1);
  CHECK(std::holds_alternative<attempt_result>(first.finish[0].outcome));
  REQUIRE(first.ask);
  CHECK(first.ask->ask == 2);
  CHECK(first.ask->after == attempt_ref{a_task().task, a_task().attempt});
  CHECK(slot.tick(1s).finish.size() == 1);
  const auto again = slot.tick(1s);
  CHECK(again.finish.size() == 1);
  CHECK(again.ask->ask == 2);
  slot.answered(a_task());

  const auto out = slot.tick(1s);
  CHECK(out.finish.empty());
  CHECK(out.ask->ask == 2);
  CHECK_FALSE(out.ask->after);
}

TEST_CASE("a grant is the answer to the report that went before its ask, too") {
  auto slot = slot_under_test::running(a_task(1));
  slot.done(a_task(1));

  const auto out = slot.grant(a_task(2), 2);
  REQUIRE(out.run);
  CHECK(out.run->task == a_task(2).task);
  CHECK_FALSE(slot.machine.has_unanswered_report());
  CHECK(slot.tick(1s).finish.empty());
}

TEST_CASE("an answer for another attempt does not end the reporting") {
  auto slot = slot_under_test::running(a_task(1, 2));
  slot.done(a_task(1, 2));

  slot.answered(a_task(1, 1));

  CHECK(slot.machine.has_unanswered_report());
}

TEST_CASE("a worker that says done twice is reported once") {
  auto slot = slot_under_test::running();
  slot.done(a_task());
  slot.answered(a_task());

  CHECK(slot.done(a_task()).finish.empty());
}

TEST_CASE("a task that its worker says has failed is reported as such and the worker goes on") {
  auto slot = slot_under_test::running();

  const auto out = slot.worker(ports::worker_failed{attempt_no{1}, a_task().task, {failure_cause::bad_input, "no image", ""}});

  REQUIRE(out.finish.size() == 1);
  CHECK(cause_of(out.finish[0]) == failure_cause::bad_input);
  CHECK_FALSE(out.start_worker);
}

TEST_CASE("a worker that dies in its task is reported with its last words, and another one starts") {
  auto slot = slot_under_test::running();

  const auto out = slot.worker(ports::worker_exited{"signal 11", crash()});

  REQUIRE(out.finish.size() == 1);
  CHECK(cause_of(out.finish[0]) == failure_cause::crashed);
  CHECK(std::get<attempt_failure>(out.finish[0].outcome).stderr_text == "last words");
  CHECK(out.start_worker);
}

TEST_CASE("a worker that exits in its task without a reason has crashed") {
  auto slot = slot_under_test::running();

  CHECK(cause_of(slot.exited().finish.at(0)) == failure_cause::crashed);
}

TEST_CASE("a media task without progress for its timeout is killed, and reported as hung when its tree is gone") {
  auto slot = slot_under_test::running();

  CHECK_FALSE(slot.tick(59'999ms).kill_worker);
  const auto killed = slot.tick(1ms);
  CHECK(killed.kill_worker);
  CHECK(killed.finish.empty());
  const auto out = slot.exited();

  REQUIRE(out.finish.size() == 1);
  CHECK(cause_of(out.finish[0]) == failure_cause::hung);
}

TEST_CASE("the same progress again and again is a task that hangs, unless its program need not advance") {
  const auto is_killed = [](bool must_advance) {
    auto task = a_task();
    task.must_advance = must_advance;
    auto slot = slot_under_test::running(task);
    bool killed = false;
    for (int i = 0; i < 70; ++i) {
      slot.now += 1s;
      killed = slot.progress(task, 10).kill_worker || killed;
    }
    return killed;
  };

  CHECK(is_killed(true));
  CHECK_FALSE(is_killed(false));
}

TEST_CASE("a slot that stops takes its ask back, once") {
  auto slot = slot_under_test::asking();
  const auto out = slot.stop(10s);

  REQUIRE(out.ask.has_value());
  CHECK(out.ask->is_withdrawn);
  CHECK(out.ask->ask == 1);
  CHECK_FALSE(slot.stop(5s).ask.has_value());
  CHECK_FALSE(slot.tick(1s).ask.has_value());
}

TEST_CASE("the time in which the node stores the outputs of a task counts for nothing") {
  auto task = a_task();
  task.time_limit = 70s;
  auto slot = slot_under_test::running(task);
  slot.tick(50s);
  slot.worker(ports::worker_storing{task.attempt, task.task});

  CHECK_FALSE(slot.tick(1h).kill_worker);
  CHECK(slot.machine.step(slot_event::tick{}, slot.now).wake_at <= slot.now + 1s);  // for the next sign of life
  const auto out = slot.done(task);
  REQUIRE(out.finish.size() == 1);
  CHECK(std::holds_alternative<attempt_result>(out.finish[0].outcome));
}

TEST_CASE("a slot whose worker leaves ends its task and asks once there is another worker") {
  const auto task = a_task();
  auto slot = slot_under_test::running(task);
  slot.worker(ports::worker_leaving{});
  auto out = slot.done(task);
  CHECK(out.finish.size() == 1);
  CHECK_FALSE(out.ask);
  CHECK(slot.where() == phase::starting);
  out = slot.tick(slot_options{}.start_timeout + 1s);
  CHECK_FALSE(out.kill_worker);  // it is not one that says no hello
  CHECK_FALSE(out.ask);

  CHECK(slot.exited().start_worker);
  CHECK(slot.ready().ask);
}

TEST_CASE("the time in which a task waits for memory is the node's, and counts for nothing") {
  auto task = a_task();
  task.time_limit = 70s;
  auto slot = slot_under_test::running(task);
  slot.tick(50s);
  slot.worker(ports::worker_waiting{task.attempt, task.task, true});
  CHECK_FALSE(slot.tick(1h).kill_worker);
  slot.worker(ports::worker_waiting{task.attempt, task.task, false});

  CHECK_FALSE(slot.tick(19s).kill_worker);
  CHECK(slot.tick(1s).kill_worker);  // 70 s of its own
}

TEST_CASE("a task over its time limit is killed however alive it is") {
  auto task = a_task();
  task.time_limit = 10s;
  auto slot = slot_under_test::running(task);
  slot.now += 5s;
  slot.progress(task, 500);

  slot.now += 5s;
  CHECK(slot.progress(task, 600).kill_worker);

  CHECK(cause_of(slot.exited().finish.at(0)) == failure_cause::timed_out);
}

TEST_CASE("a result that comes after the kill does not count") {
  auto slot = slot_under_test::running();
  slot.tick(60s);

  CHECK(slot.done(a_task()).finish.empty());
  CHECK(cause_of(slot.exited().finish.at(0)) == failure_cause::hung);
}

TEST_CASE("a revoked attempt is killed and never reported") {
  auto slot = slot_under_test::running();

  CHECK(slot.revoked(a_task()).kill_worker);
  CHECK(slot.done(a_task()).finish.empty());
  const auto out = slot.exited();

  CHECK(out.finish.empty());
  CHECK(out.start_worker);
  CHECK_FALSE(slot.machine.has_unanswered_report());
}

TEST_CASE("a revocation ends the reporting of an attempt that has ended") {
  auto slot = slot_under_test::running();
  slot.done(a_task());

  slot.revoked(a_task());
  CHECK_FALSE(slot.tick(1s).ask->after);
  CHECK_FALSE(slot.machine.has_unanswered_report());
}

TEST_CASE("a revocation of another attempt is ignored, and one that comes twice kills once") {
  auto slot = slot_under_test::running(a_task(1, 2));

  CHECK_FALSE(slot.revoked(a_task(1, 1)).kill_worker);
  CHECK(slot.revoked(a_task(1, 2)).kill_worker);
  CHECK_FALSE(slot.revoked(a_task(1, 2)).kill_worker);
}

TEST_CASE("a revocation while a kill for another reason is under way drops the report") {
  auto slot = slot_under_test::running();
  slot.tick(60s);
  slot.revoked(a_task());

  CHECK(slot.exited().finish.empty());
}

TEST_CASE("a report outlives the worker that made it") {
  auto slot = slot_under_test::running();
  slot.done(a_task());
  slot.exited();

  CHECK(slot.tick(1s).finish.size() == 1);
}

TEST_CASE("time that goes back does not disturb a slot") {
  auto slot = slot_under_test::running();
  slot.tick(10s);

  slot.now -= 1h;

  CHECK(slot.tick().wake_at > slot.now);
  CHECK_FALSE(slot.tick().kill_worker);
}

}  // namespace
}  // namespace troupe::model
