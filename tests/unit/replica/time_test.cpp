#include "replica_support.hpp"

// Goal: time in the log goes on, whatever the clock does between two starts. Method: one node, stopped and started.
namespace troupe::replica {
namespace {

using namespace testing;

model::job_id with_a_task_that_backs_off(node_under_test& node) {
  const auto id = node.submitted();
  const auto task = node.started();
  node.step({node.a_finish(task, model::attempt_failure{model::failure_cause::failed, "no", ""})});
  return id;
}

TEST_CASE("a pause between attempts ends in time although the clock was set back while the node was down") {
  node_under_test node;
  node.start();
  with_a_task_that_backs_off(node);

  node.now -= 1h;
  node.start();
  const auto out = node.step({node.an_ask(1)});
  REQUIRE(out.grants.empty());
  CHECK(out.wake_at <= node.now + 3s);
  node.now = std::max(node.now, out.wake_at);

  CHECK(node.tick().grants.size() == 1);
}

TEST_CASE("after the clock was set back, log time runs slower until the clock has caught up") {
  node_under_test node;
  node.start();
  node.submitted();
  const auto before = node.replica->table().log_time();

  node.now -= 100s;
  node.start();
  node.now += 500s;
  node.submitted();
  CHECK(node.replica->table().log_time() == before + 450s);
  node.now += 1000s;
  node.submitted();

  CHECK(node.replica->table().log_time() == node.now);
}

}  // namespace
}  // namespace troupe::replica
