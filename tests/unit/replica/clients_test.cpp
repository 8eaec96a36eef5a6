#include "persistence/replica/codec.hpp"
#include "replica_support.hpp"

// Goal: every client gets one answer, of the kind that it asked for. Method: one node, requests by hand.
namespace troupe::replica {
namespace {

using namespace testing;

TEST_CASE("requests wait until somebody leads") {
  node_under_test node;
  node.open();
  const auto submit = node.a_submit();
  auto out = node.step_only({submit, event::read{request_token{78}}});
  CHECK(out.answers.empty());
  CHECK(out.reads.empty());

  out = node.write(std::move(out));

  REQUIRE(out.answers.size() == 1);
  CHECK(out.answers.front().token == submit.token);
  REQUIRE(out.reads.size() == 1);
  CHECK(out.reads.front().may_read.has_value());
}

TEST_CASE("where no majority is, requests are given up, each as what it is") {
  node_under_test node;
  node.settings.founders = raft::configuration{{raft::server_id{1}, raft::server_id{2}}, {}};
  node.open();
  const auto submit = node.a_submit();
  (void)node.step({submit, event::cancel{request_token{77}, {"tenant", model::job_id{1}, ""}}, event::read{request_token{78}}});
  CHECK(node.replica->held().requests == 2);

  std::vector<answer> answers;
  std::vector<read_answer> reads;
  for (auto waited = 0ms; waited < node.settings.patience + 1s; waited += 500ms) {
    const auto out = node.tick(500ms);
    CHECK((waited >= node.settings.patience - 1s || out.answers.empty()));
    answers.insert(answers.end(), out.answers.begin(), out.answers.end());
    reads.insert(reads.end(), out.reads.begin(), out.reads.end());
  }

  REQUIRE(answers.size() == 2);
  const auto* submitted = std::get_if<result<model::submit_outcome>>(&answers[0].reply);
  REQUIRE(submitted);
  CHECK(submitted->error().code == errc::not_leader);
  CHECK(submitted->error().detail.starts_with("no majority of the cluster's voters has answered for 30 s"));
  const auto* cancelled = std::get_if<result<model::job_id>>(&answers[1].reply);
  REQUIRE(cancelled);
  CHECK(cancelled->error().code == errc::not_leader);
  CHECK(cancelled->error().retry_after.has_value());
  REQUIRE(reads.size() == 1);
  CHECK(reads.front().may_read.error().code == errc::not_leader);
  CHECK(node.replica->held().requests == 0);
}

TEST_CASE("a command that comes twice has one outcome") {
  node_under_test node;
  node.start();
  const auto submit = node.a_submit();
  const model::command_origin origin{model::node_id{2}, model::incarnation{1}, 5};
  const peer_message delegated{
      {}, raft::server_id{2}, raft::server_id{1}, delegated_command{encode({node.now, submit.command, origin}), false}};

  (void)node.step({event::received{delegated}, event::received{delegated}});
  (void)node.step({event::received{delegated}});

  CHECK(node.replica->table().jobs_queued() == 1);
  const auto again = node.step({event::submit{request_token{99}, submit.command}});
  REQUIRE(again.answers.size() == 1);
  const auto& outcome = std::get<result<model::submit_outcome>>(again.answers.front().reply);
  REQUIRE(outcome.has_value());
  CHECK(outcome->id == submit.command.id);
  CHECK(outcome->created);
}

}  // namespace
}  // namespace troupe::replica
