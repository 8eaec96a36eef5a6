#include "persistence/replica/codec.hpp"
#include "replica_support.hpp"

// Goal: a replica answers when, and only when, what it says is durable. Method: one node, its disk by hand.
namespace troupe::replica {
namespace {

using namespace testing;

TEST_CASE("nothing is answered before its entry is on the disk") {
  node_under_test node;
  node.start();

  const auto first = node.step_only({node.a_submit()});
  CHECK(first.answers.empty());
  CHECK(first.events.empty());
  REQUIRE(first.persist.size() == 1);
  CHECK(first.persist[0].sync);
  const auto out = node.step_only({event::persisted{first.persist[0].number}});

  REQUIRE(out.answers.size() == 1);
  CHECK(out.events.size() == 1);
}

TEST_CASE("all that comes in one step shares one write") {
  node_under_test node;
  node.start();

  const auto out = node.step_only({node.a_submit(), node.a_submit(), node.a_submit()});

  REQUIRE(out.persist.size() == 1);
  CHECK(out.persist[0].append.size() == 3);
}

TEST_CASE("with an answer it is known how far the state on the disk will be") {
  node_under_test node;
  node.start();
  const auto submission = node.a_submit();
  const auto first = node.step_only({submission});
  auto out = node.step_only({event::persisted{first.persist[0].number}});

  REQUIRE(out.answers.size() == 1);
  CHECK(node.replica->bound_for_disk() == node.replica->applied());
  CHECK(node.disk->past.applied.index < node.replica->bound_for_disk().index);
  for (const auto& batch : first.persist) node.disk->write(batch);
  node.write(std::move(out));
  CHECK(node.disk->past.applied == node.replica->bound_for_disk());
  node.step({event::submit{request_token{77}, submission.command}});  // known, so nothing changes
  CHECK(node.replica->applied().index > node.replica->bound_for_disk().index);
  CHECK(node.disk->past.applied == node.replica->bound_for_disk());
}

TEST_CASE("state and its position go out after the entries they come from, without a sync of their own") {
  node_under_test node;
  node.start();
  const auto first = node.step_only({node.a_submit()});

  const auto out = node.step_only({event::persisted{first.persist[0].number}});

  REQUIRE(out.persist.size() == 1);
  CHECK_FALSE(out.persist[0].sync);
  CHECK(out.persist[0].applied->index == first.persist[0].append.back().index);
  CHECK_FALSE(out.persist[0].state.empty());
}

TEST_CASE("state that changes again within the pause reaches the disk once, as of its last change") {
  node_under_test node;
  node.settings.state_write_every = 100ms;
  node.start();
  node.tick(100ms);
  const auto id = node.submitted();
  const auto before = node.disk->past.applied;
  const auto task = node.started();
  node.step({node.a_finish(task)});
  CHECK(node.disk->past.applied == before);
  CHECK(node.state(id) == model::job_state::succeeded);
  CHECK(node.replica->bound_for_disk() == node.replica->applied());

  node.now += 99ms;
  const auto early = node.step_only({});
  CHECK(early.persist.empty());
  CHECK(early.wake_at == node.now + 1ms);
  node.now += 1ms;
  const auto out = node.step_only({});

  REQUIRE(out.persist.size() == 1);
  CHECK_FALSE(out.persist[0].sync);
  CHECK(out.persist[0].applied == node.replica->applied());
  const auto is_of_job = [&](const state_write& write) { return write.key.starts_with(jobs_prefix()); };
  CHECK(std::ranges::count_if(out.persist[0].state, is_of_job) == 1);
  const auto written = std::ranges::find_if(out.persist[0].state, is_of_job);
  CHECK(decode_job(written->value.value()).value().state == model::job_state::succeeded);
}

TEST_CASE("state of many keys does not wait") {
  node_under_test node;
  node.settings.state_write_every = 100ms;
  node.settings.state_keys_most = 6;
  node.start();
  node.tick(100ms);
  const auto before = node.disk->past.applied;
  node.submitted();
  CHECK(node.disk->past.applied == before);
  node.submitted();
  CHECK(node.disk->past.applied == node.replica->applied());
}

TEST_CASE("state that had not reached the disk comes back from the log") {
  node_under_test node;
  node.settings.state_write_every = 100ms;
  node.start();
  const auto id = node.submitted();
  REQUIRE(node.disk->past.applied.index < node.replica->applied().index);
  node.start();
  CHECK(node.state(id) == model::job_state::queued);
}

TEST_CASE("a grant goes out when its attempt is durable") {
  node_under_test node;
  node.start();
  node.submitted();

  const auto first = node.step_only({node.an_ask(1)});
  CHECK(first.grants.empty());
  const auto out = node.step_only({event::persisted{first.persist.at(0).number}});

  CHECK(out.grants.size() == 1);
}

TEST_CASE("a report is answered when it is durable, however often it came") {
  node_under_test node;
  node.start();
  const auto id = node.submitted();
  const auto task = node.started();

  const auto first = node.step_only({node.a_finish(task), node.a_finish(task)});
  CHECK(first.finish_answers.empty());
  CHECK(first.persist.at(0).append.size() == 1);
  const auto out = node.step_only({event::persisted{first.persist.at(0).number}});
  CHECK(out.finish_answers.size() == 1);

  CHECK(node.step_only({node.a_finish(task)}).finish_answers.size() == 1);
  CHECK(node.state(id) == model::job_state::succeeded);
}

TEST_CASE("a report of an attempt that does not run is answered, and changes nothing") {
  node_under_test node;
  node.start();
  node.submitted();
  auto task = node.started();
  task.attempt = model::attempt_no{9};

  const auto out = node.step({node.a_finish(task)});

  CHECK(out.finish_answers.size() == 1);
  CHECK(out.persist.empty());
}

TEST_CASE("an attempt without a sign of life for a lease is lost, and its slot is told when it speaks again") {
  node_under_test node;
  node.start();
  node.submitted();
  const auto task = node.started();
  node.now += node.settings.lease - 1ms;
  node.step({node.a_beat(task)});
  CHECK(node.tick(node.settings.lease - 1ms).events.empty());

  const auto out = node.tick(1ms);
  REQUIRE(out.events.size() == 1);
  CHECK(out.events[0].data.at("cause") == "node_lost");
  const auto told = node.step({node.a_beat(task)});

  REQUIRE(told.revocations.size() == 1);
  CHECK(told.revocations[0].attempt == task.attempt);
}

TEST_CASE("a cancellation revokes what runs") {
  node_under_test node;
  node.start();
  const auto id = node.submitted();
  node.started();

  const auto out = node.step({event::cancel{request_token{9}, {"tenant", id, "no more"}}});

  CHECK(out.revocations.size() == 1);
  CHECK(std::get<result<model::job_id>>(out.answers.at(0).reply).value() == id);
}

TEST_CASE("a node that starts anew serves what it has acknowledged, and repeats what its slots were running") {
  node_under_test node;
  node.start();
  const auto id = node.submitted();
  const auto lost = node.started();

  node.start();

  CHECK(node.state(id) == model::job_state::running);
  const auto again = node.started();
  CHECK(again.task == lost.task);
  CHECK(again.attempt == model::attempt_no{2});
}

TEST_CASE("state that was never written comes back from the log") {
  node_under_test node;
  node.start();
  const auto submit = node.a_submit();
  const auto first = node.step_only({submit});
  node.disk->write(first.persist.at(0));
  const auto acknowledged = node.step_only({event::persisted{first.persist[0].number}});
  REQUIRE(acknowledged.answers.size() == 1);  // its state batch is lost

  node.start();

  CHECK(node.state(submit.command.id) == model::job_state::queued);
}

TEST_CASE("before it is ready a replica may not be read without asking") {
  node_under_test node;
  node.open();
  CHECK_FALSE(node.replica->has_leader());
  CHECK_FALSE(node.replica->is_read_free());

  (void)node.step({});

  CHECK(node.replica->has_leader());
  CHECK(node.replica->is_read_free());
}

TEST_CASE("a node that follows is in service once the log has its start") {
  node_under_test node;
  node.settings.founders = raft::configuration{{raft::server_id{1}, raft::server_id{2}, raft::server_id{3}}, {}};
  node.open();
  const auto append = [&](std::vector<raft::entry> entries, std::uint64_t after) {
    raft::append_request what;
    what.prev_index = raft::log_index{after};
    what.prev_term = raft::term{after == 0 ? 0U : 1U};
    what.commit = raft::log_index{after + entries.size()};
    what.entries = std::move(entries);
    const raft::server_id self{1}, leader{2};
    (void)node.step({event::received{{{}, leader, self, raft::message{leader, self, raft::term{1}, std::move(what)}}}});
  };
  append({}, 0);
  CHECK(node.replica->has_leader());
  CHECK_FALSE(node.replica->is_in_service());

  const model::boot_command start{node.settings.node, node.settings.boot, node.settings.address, node.settings.mark};
  append({{raft::log_index{1}, raft::term{1}, raft::entry_kind::command,
           std::make_shared<const std::string>(encode(node.now, start, {}))}},
         0);
  CHECK(node.replica->is_in_service());
}

TEST_CASE("the log is cut behind the durable state and a node starts from the rest") {
  node_under_test node;
  node.settings.compact_every = 10;
  node.start();
  model::job_id last;
  for (int i = 0; i < 50; ++i) last = node.submitted();

  CHECK(node.disk->past.entries.size() < 30);
  CHECK(node.disk->past.compacted.index <= node.disk->past.applied.index);
  CHECK(node.disk->past.members == raft::configuration{{node.settings.raft.self}, {}});
  node.start();

  CHECK(node.state(last) == model::job_state::queued);
}

TEST_CASE("a pipeline's text is in the log once") {
  node_under_test node;
  node.start();
  const auto first = node.step_only({node.a_submit()});
  node.step_only({event::persisted{first.persist.at(0).number}});

  const auto second = node.step_only({node.a_submit()});

  CHECK(second.persist.at(0).append.at(0).payload->size() + 100 < first.persist[0].append.at(0).payload->size());
}

}  // namespace
}  // namespace troupe::replica
