#include "replica_support.hpp"

// Goal: a start goes on where the log ends, whatever of the state was on the disk. Method: one node, its state thrown away.
namespace troupe::replica {
namespace {

using namespace testing;

/// The log survived, the applied state did not: it was never synced.
void lose_state(node_under_test& node) {
  node.disk->state.clear();
  node.disk->past.applied = {};
}

TEST_CASE("limits that were changed back hold after a start that replays the change") {
  node_under_test node;
  node.start();
  node.settings.limits.jobs_most = 3;
  node.start();
  REQUIRE(node.replica->table().limits().jobs_most == 3);

  lose_state(node);
  node.settings.limits = {};
  node.start();

  CHECK(node.replica->table().limits() == model::table_limits{});
}

}  // namespace
}  // namespace troupe::replica
