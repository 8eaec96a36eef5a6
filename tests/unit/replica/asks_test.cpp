#include "replica_support.hpp"

// Goal: asks that come late, doubled or never do not disturb the log or other slots. Method: one node, messages by hand.
namespace troupe::replica {
namespace {

using namespace testing;

/// The first slot has had a task for each of its asks 1 and 2; the second one runs.
void ask_twice(node_under_test& node) {
  node.start();
  node.submitted();
  node.submitted();
  const auto first = node.started(1);
  node.step({node.a_finish(first)});
  node.started(2);
}

/// Of two tasks the first one runs. @returns it, and the slot's next ask, which names its report.
std::pair<model::task_spec, event::asked> ask_after_a_report(node_under_test& node) {
  node.start();
  node.submitted();
  node.submitted();
  const auto first = node.started(1);
  auto ask = node.an_ask(2);
  ask.ask.after = model::attempt_ref{first.task, first.attempt};
  return {first, ask};
}

TEST_CASE("a late double of an old ask does not fill the log with assignments that change nothing") {
  node_under_test node;
  ask_twice(node);
  node.submitted();

  node.step({node.an_ask(1)});
  const auto out = node.tick(1ms);

  CHECK(out.persist.empty());
  CHECK(node.replica->held().proposals == 0);
}

TEST_CASE("a late double of an old ask does not keep another slot from its task") {
  node_under_test node;
  ask_twice(node);
  node.step({node.an_ask(1)});
  node.submitted();

  CHECK(node.step({node.an_ask(1, 1)}).grants.size() == 1);
}

TEST_CASE("a report and the ask that follows it are one write") {
  node_under_test node;
  const auto [first, ask] = ask_after_a_report(node);
  const auto out = node.step_only({node.a_finish(first), ask});
  CHECK(out.persist.size() == 1);
  CHECK(node.write(out).grants.size() == 1);
  CHECK(node.state(first.task.job) == model::job_state::succeeded);
}

TEST_CASE("an ask that comes before the report that it names waits for it") {
  node_under_test node;
  const auto [first, ask] = ask_after_a_report(node);
  CHECK(node.step({ask}).grants.empty());
  CHECK(node.state(first.task.job) == model::job_state::running);
  CHECK(node.step({node.a_finish(first)}).grants.size() == 1);
  CHECK(node.state(first.task.job) == model::job_state::succeeded);
}

TEST_CASE("a slot whose grant got lost, and then its job, is served when it repeats its ask") {
  node_under_test node;
  node.start();
  const auto id = node.submitted();
  node.started(1);
  node.step({event::cancel{request_token{99}, {"tenant", id, ""}}});
  node.submitted();

  CHECK(node.step({node.an_ask(1)}).grants.size() == 1);
}

TEST_CASE("a slot that took its ask back gets nothing, and others do") {
  node_under_test node;
  node.start();
  node.step({node.an_ask(1)});
  auto back = node.an_ask(1);
  back.ask.is_withdrawn = true;
  node.step({back});
  node.submitted();

  CHECK(node.tick(1s).grants.empty());
  CHECK(node.step({node.an_ask(1, 1)}).grants.size() == 1);
}

TEST_CASE("a repeated ask gets the same grant again") {
  node_under_test node;
  node.start();
  node.submitted();
  const auto first = node.started(1);

  const auto out = node.step({node.an_ask(1)});

  REQUIRE(out.grants.size() == 1);
  CHECK(out.grants.front().task.task == first.task);
  CHECK(out.grants.front().task.attempt == first.attempt);
  CHECK(out.persist.empty());
}

}  // namespace
}  // namespace troupe::replica
