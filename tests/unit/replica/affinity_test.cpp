#include "persistence/replica/affinity.hpp"
#include "persistence/replica/codec.hpp"
#include "replica_support.hpp"
#include "unit/model/table_support.hpp"

// Goal: tasks go where what they read is, when that costs nobody his turn. Method: the rule alone, and a leader with two nodes.
namespace troupe::replica {
namespace {

using namespace testing;

constexpr model::node_id here{1}, there{2};
constexpr model::job_id job{1};

TEST_CASE("a job is at home where its last task ran") {
  affinity rule;
  CHECK_FALSE(rule.home_of(job));
  rule.ran(job, there);
  CHECK(rule.home_of(job) == there);
  rule.ran(job, here);
  CHECK(rule.home_of(job) == here);
}

TEST_CASE("the best task is passed over a few times only, and the next one anew") {
  affinity rule;
  const model::task_id best{job, 1, 0}, next{model::job_id{3}, 1, 0};
  for (int i = 0; i < affinity::passes_most; ++i) CHECK(rule.may_pass_over(best));
  CHECK_FALSE(rule.may_pass_over(best));
  CHECK(rule.may_pass_over(next));
  for (int i = 0; i < affinity::passes_most; ++i) {  // what other slots have as their best does not count here
    CHECK(rule.may_pass_over(best, 1));
    CHECK(rule.may_pass_over(next, 2));
  }
  CHECK_FALSE(rule.may_pass_over(best, 1));
}

TEST_CASE("the second stage of a job runs on the node that ran the first, although another slot would come first") {
  node_under_test node;
  node.start();
  node.tick();  // the cluster's version rises
  REQUIRE(node.replica->table().cluster_version() >= model::version_with_preference);
  const auto p = model::parse_pipeline(model::testing::two_stages, "test.yaml", model::pipeline_origin::installed).value();
  auto submit = node.a_submit();
  submit.command.pipeline_name = p.name;
  submit.command.pipeline_hash = p.hash;
  submit.command.pipeline_text = store_text(p);
  node.step({submit});
  const model::slot_id other{there, model::incarnation{1}, 0};
  const raft::server_id self{1}, second{2};
  const auto from_other = [&](peer_body what) { return event::received{{{}, second, self, std::move(what)}}; };
  node.step({from_other(delegated_command{encode(node.now, model::boot_command{there, other.boot, "b:1", 5}, {}), false})});
  const auto asks = [&](std::uint64_t number) { return from_other(model::slot_ask{other, number, {{}, 1}}); };

  node.step({asks(1)});
  REQUIRE(node.replica->table().running().size() == 1);
  const auto& [ran, attempt] = *node.replica->table().running().begin();
  const model::finish_command done{ran, attempt.attempt, model::attempt_result{{{"value", "made"}}, {}}};
  // Both nodes are free when the second stage opens.
  node.step({node.an_ask(1), asks(2), from_other(delegated_command{encode(node.now, done, {}), false})});

  REQUIRE(node.replica->table().running().size() == 1);
  CHECK(node.replica->table().running().begin()->second.slot.node == there);
}

}  // namespace
}  // namespace troupe::replica
