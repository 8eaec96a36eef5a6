#include "persistence/replica/codec.hpp"
#include "replica_support.hpp"

// Goal: a pause goes through the log, and only when every node reads it. Method: one replica with its disk, stopped and started.
namespace troupe::replica {
namespace {

using namespace testing;

struct with_pauses : node_under_test {
  explicit with_pauses(model::version_range reads = model::own_versions) {
    settings.traits.reads = reads;
    start();
  }
  effects told(model::command what) { return step({event::change_queue{request_token{++last_token}, std::move(what)}}); }
  result<model::pause_outcome> change(model::command what) {
    const auto out = told(std::move(what));
    REQUIRE(out.answers.size() == 1);
    return std::get<result<model::pause_outcome>>(out.answers[0].reply);
  }
};

const char* decided(const effects& out) { return out.decisions.empty() ? "" : out.decisions.back().what; }

TEST_CASE("no slot gets what is paused, and a slot that waits gets it at once when it is resumed") {
  with_pauses node;
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
    with_pauses node;
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
  with_pauses node{{1, model::version_with_pauses - 1}};
  const auto refused = node.change(model::pause_command{"one", ""});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == errc::conflict);
  CHECK(refused.error().detail.find("upgrade the other nodes first") != std::string::npos);
  CHECK(node.replica->table().pauses().all().empty());
}

TEST_CASE("a program that does not know pauses stops where its log has one, and says what to do") {
  with_pauses node;
  node.change(model::pause_command{"one", ""}).value();
  const auto pause = encode(node.now, model::pause_command{"one", ""}, {});
  const auto read = decode_command(pause, model::version_with_pauses - 1);
  REQUIRE_FALSE(read.has_value());
  CHECK(read.error().detail.find("upgrade this node") != std::string::npos);
}

TEST_CASE("a node that was taken out of its cluster pauses nothing") {
  with_pauses node;
  node.step({event::expelled{"gone"}});
  const auto refused = node.change(model::pause_command{"one", ""});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == errc::not_leader);
}

}  // namespace
}  // namespace troupe::replica
