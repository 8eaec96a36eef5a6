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

}  // namespace
}  // namespace troupe::replica
