#include "persistence/replica/oversight.hpp"
#include "persistence/replica/codec.hpp"
#include "replica_support.hpp"

#include <set>

// Goal: what operators are told before a drain, and of what is wrong, is what the leader would do, and knows. Method: a leader
// with others that have announced themselves and are heard of; pictures of a cluster.
namespace troupe::replica {
namespace {

using namespace testing;

constexpr model::node_id own{1};

/// Node 1 leads and votes alone, until the others have what it has; 2 has a label that no other one has.
struct leader_of_three : node_under_test {
  leader_of_three() {
    settings.traits = {"0.9", model::own_versions, "", true, true, 2, {"common"}};
    settings.voters_most = 3;
    start();
    for (const std::uint64_t n : {2, 3}) {
      const model::node_id id{n};
      step({event::met{raft::server_id{n}}});
      const model::node_traits traits{"0.9",
                                      model::own_versions,
                                      "",
                                      true,
                                      true,
                                      static_cast<std::uint32_t>(n),
                                      n == 2 ? std::vector<std::string>{"common", "gpu"} : std::vector<std::string>{"common"}};
      say(n, model::boot_command{id, model::incarnation{1}, "there:" + std::to_string(n), n, traits});
    }
    for (int round = 0; round < 20; ++round) hear_all();
    REQUIRE(replica->raft_status().members.voters.size() == 3);
  }
  void say(std::uint64_t n, const model::command& what) {
    step({event::received{{{}, raft::server_id{n}, raft::server_id{1}, delegated_command{encode(now, what, {}), false}}}});
  }
  effects hear(std::uint64_t n) {
    const auto state = replica->raft_status();
    const raft::message said{raft::server_id{n}, raft::server_id{1}, state.hard.current, raft::append_accepted{state.last, 0}};
    return step({event::received{{{}, raft::server_id{n}, raft::server_id{1}, said}}});
  }
  void hear_all() {
    now += settings.raft.heartbeat;
    for (const std::uint64_t n : {2, 3}) hear(n);
  }
  [[nodiscard]] std::set<std::string> codes() const {
    std::set<std::string> all;
    for (const auto& alarm : replica->alarms()) {
      CHECK_FALSE(alarm.why.empty());
      all.insert(alarm.code);
    }
    return all;
  }
};

TEST_CASE("a drain's plan says what would move, what would be missing, and whether the node could go") {
  leader_of_three node;
  const auto plan = node.replica->plan_drain(model::node_id{2}).value();
  CHECK_FALSE(plan.is_guess);
  CHECK_FALSE(plan.leads);
  CHECK(plan.votes);
  CHECK(plan.keeps_vote);  // with three nodes nobody could have it
  CHECK(plan.new_voters.empty());
  CHECK(plan.leader == own);
  CHECK(plan.slots == 2);
  CHECK(plan.slots_left == 5);
  CHECK(plan.labels_lost == std::vector<std::string>{"gpu"});
  CHECK(plan.losses_survived == 0);
  CHECK(plan.why_not_removable.empty());
  CHECK(node.replica->table().nodes().at(model::node_id{2}).state == model::job_table::node_state::active);  // nothing was done
}

TEST_CASE("the plan of the leader's own drain names the heir") {
  leader_of_three node;
  node.step({node.a_submit(), node.an_ask(1)});
  node.hear_all();
  node.hear_all();
  const auto plan = node.replica->plan_drain(own).value();
  CHECK(plan.leads);
  CHECK(plan.leader != own);
  CHECK(plan.tasks == 1);
  CHECK(plan.labels_lost.empty());
}

TEST_CASE("no plan is made for a node that does not belong to the cluster") {
  leader_of_three node;
  CHECK(node.replica->plan_drain(model::node_id{9}).error().code == errc::not_found);
}

TEST_CASE("who does not lead plans with everybody alive, and says that it guesses") {
  node_under_test node;
  node.start();
  node.settings.founders = raft::configuration{{raft::server_id{1}, raft::server_id{2}, raft::server_id{3}}, {}};
  node_under_test follower;
  follower.settings = node.settings;
  *follower.disk = *node.disk;
  follower.disk->past.members = node.settings.founders;
  follower.open();
  follower.step({});
  const auto plan = follower.replica->plan_drain(own);
  REQUIRE(plan.has_value());
  CHECK(plan->is_guess);
}

TEST_CASE("a leader says when one more loss would stop all writes, and who is silent") {
  leader_of_three node;
  CHECK(node.codes().empty());
  for (duration passed{}; passed < node.settings.raft.election_timeout; passed += node.settings.raft.heartbeat) {
    node.now += node.settings.raft.heartbeat;
    node.hear(2);
  }
  CHECK(node.codes() == std::set<std::string>{"one_more_loss_stops_writes", "node_silent"});
}

TEST_CASE("a leader says when no node takes tasks any more") {
  leader_of_three node;
  for (const std::uint64_t n : {2, 3}) node.say(n, model::drain_command{model::node_id{n}, std::nullopt});
  node.hear_all();
  CHECK_FALSE(node.codes().contains("nobody_works"));
  node.say(2, model::drain_command{own, std::nullopt});
  node.hear_all();
  CHECK(node.codes().contains("nobody_works"));
}

TEST_CASE("of five voters two may be lost, and less than that is said") {
  placement now{{{}, {}}, raft::server_id{1}, {}, 5, true};
  for (std::uint64_t n = 1; n <= 5; ++n) {
    now.present.voters.push_back(raft::server_id{n});
    now.nodes.push_back({raft::server_id{n}, false, true, true, false, true, {}});
  }
  CHECK(voter_alarms(now).empty());
  now.nodes[4].is_alive = false;
  REQUIRE(voter_alarms(now).size() == 1);
  CHECK(voter_alarms(now)[0].code == "fewer_losses_survived");
  now.nodes[3].is_alive = false;
  CHECK(voter_alarms(now)[0].code == "one_more_loss_stops_writes");
}

}  // namespace
}  // namespace troupe::replica
