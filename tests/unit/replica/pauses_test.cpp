#include "persistence/replica/codec.hpp"
#include "replica_support.hpp"

// Goal: a pause goes through the log, and only when every node reads it. Method: one replica with its disk, stopped and started.
namespace troupe::replica {
namespace {

using namespace testing;

const char* decided(const effects& out) { return out.decisions.empty() ? "" : out.decisions.back().what; }

TEST_CASE("no slot gets what is paused, and a slot that waits gets it at once when it is resumed") {
  node_with_settings node;
  CHECK(std::string_view{decided(node.told(model::pause_command{"one", "why"}))} == "queue_paused");
  const auto id = node.submitted();
  CHECK(node.step({node.an_ask(1)}).grants.empty());
  CHECK(node.tick(1s).grants.empty());
  node.step({node.an_ask(1)});

  const auto out = node.told(model::unpause_command{"one"});
  CHECK(std::string_view{decided(out)} == "queue_resumed");
  REQUIRE(out.grants.size() == 1);
  CHECK(out.grants[0].task.task.job == id);
}

TEST_CASE("a pause is there after a start, from the state and from the log") {
  for (const bool from_log : {false, true}) {
    node_with_settings node;
    node.change(model::pause_command{std::nullopt, "why"}).value();
    node.submitted();
    if (from_log) {
      node.disk->state.clear();
      node.disk->past.applied = {};
    }
    node.start();
    CHECK(node.replica->table().pauses().holds_everything());
    CHECK(node.step({node.an_ask(1)}).grants.empty());
    CHECK(node.told(model::unpause_command{std::nullopt}).grants.size() == 1);
  }
}

TEST_CASE("nobody can pause before all nodes of the cluster read that command") {
  node_with_settings node{{1, model::version_with_pauses - 1}};
  const auto refused = node.change(model::pause_command{"one", ""});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == errc::conflict);
  CHECK(refused.error().detail.find("upgrade the other nodes first") != std::string::npos);
  CHECK(node.replica->table().pauses().all().empty());
}

TEST_CASE("a program that does not know pauses stops where its log has one, and says what to do") {
  node_with_settings node;
  node.change(model::pause_command{"one", ""}).value();
  const auto pause = encode(node.now, model::pause_command{"one", ""}, {});
  const auto read = decode_command(pause, model::version_with_pauses - 1);
  REQUIRE_FALSE(read.has_value());
  CHECK(read.error().detail.find("upgrade this node") != std::string::npos);
}

TEST_CASE("a node that was taken out of its cluster pauses nothing") {
  node_with_settings node;
  node.step({event::expelled{"gone"}});
  const auto refused = node.change(model::pause_command{"one", ""});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == errc::not_leader);
}

}  // namespace
}  // namespace troupe::replica
