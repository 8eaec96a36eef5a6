#include "replica_support.hpp"

// Goal: what the owner of a pool remembers goes through the log, and waits until all nodes read that. Method: one replica with
// its disk.
namespace troupe::replica {
namespace {

using namespace testing;

TEST_CASE("what is kept is there after a start") {
  node_with_settings node;
  REQUIRE(node.change(model::scaling_command{1, "a step"}).has_value());
  node.start();
  CHECK(node.replica->table().scaling_memory() == "a step");
}

TEST_CASE("nothing is kept before all nodes of the cluster read that command") {
  node_with_settings node{{1, model::version_with_scaling_memory - 1}};
  const auto refused = node.change(model::scaling_command{1, "a step"});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == errc::conflict);
  CHECK(node.replica->table().scaling_memory().empty());
}

}  // namespace
}  // namespace troupe::replica
