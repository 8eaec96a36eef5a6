#include "replica_support.hpp"

// Goal: what the owner of a pool remembers goes through the log, and waits until all nodes read that. Method: one replica with
// its disk.
namespace troupe::replica {
namespace {

using namespace testing;

struct owner_here : node_under_test {
  explicit owner_here(model::version_range reads = model::own_versions) {
    settings.traits.reads = reads;
    start();
  }
  result<model::pause_outcome> keep(std::uint64_t term, const std::string& memory) {
    const auto out = step({event::change_queue{request_token{++last_token}, model::scaling_command{term, memory}}});
    REQUIRE(out.answers.size() == 1);
    return std::get<result<model::pause_outcome>>(out.answers[0].reply);
  }
};

TEST_CASE("what is kept is there after a start") {
  owner_here node;
  REQUIRE(node.keep(1, "a step").has_value());
  node.start();
  CHECK(node.replica->table().scaling_memory() == "a step");
}

TEST_CASE("nothing is kept before all nodes of the cluster read that command") {
  owner_here node{{1, model::version_with_scaling_memory - 1}};
  const auto refused = node.keep(1, "a step");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == errc::conflict);
  CHECK(node.replica->table().scaling_memory().empty());
}

}  // namespace
}  // namespace troupe::replica
