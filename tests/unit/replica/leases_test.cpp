#include "replica_support.hpp"

// Goal: signs of life keep an attempt, and only those of the attempt that runs. Method: one node, messages by hand.
namespace troupe::replica {
namespace {

using namespace testing;

TEST_CASE("a late double of a sign of life does not take progress back") {
  node_under_test node;
  node.start();
  const auto id = node.submitted();
  const auto task = node.started();
  node.step({node.a_beat(task, 300)});
  node.step({node.a_beat(task, 500)});

  const auto out = node.step({node.a_beat(task, 300)});

  CHECK(out.progress.empty());
  CHECK(node.replica->view("tenant", id)->permille == 500);
}

TEST_CASE("a lease that runs out while the attempt's report is under way neither costs it nor keeps the replica awake") {
  node_under_test node;
  node.start();
  const auto id = node.submitted();
  const auto task = node.started();
  node.now += 9999ms;
  const auto reported = node.step_only({node.a_finish(task)});

  node.now += 10ms;
  const auto waiting = node.step_only({});
  CHECK(waiting.persist.empty());
  CHECK(waiting.wake_at > node.now);
  node.disk->write(reported.persist.at(0));
  node.step({event::persisted{reported.persist.at(0).number}});

  CHECK(node.state(id) == model::job_state::succeeded);
}

}  // namespace
}  // namespace troupe::replica
