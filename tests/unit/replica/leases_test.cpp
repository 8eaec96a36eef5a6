#include "persistence/replica/codec.hpp"
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

TEST_CASE("a lease that runs out while the attempt's report is under way neither costs it nor keeps the replica awake") {
  node_under_test node;
  node.start();
  const auto id = node.submitted();
  const auto task = node.started();
  node.now += node.settings.lease - 1ms;
  const auto reported = node.step_only({node.a_finish(task)});

  node.now += 10ms;
  const auto waiting = node.step_only({});
  CHECK(waiting.persist.empty());
  CHECK(waiting.wake_at > node.now);
  node.disk->write(reported.persist.at(0));
  node.step({event::persisted{reported.persist.at(0).number}});

  CHECK(node.state(id) == model::job_state::succeeded);
}

/// A leader with a second node that has a slot, and a task that runs there.
struct with_second : node_under_test {
  with_second() {
    start();
    step({event::received{delegated(model::boot_command{other.node, other.boot})}});
    submitted();
    const auto out = step({event::received{{{}, raft::server_id{2}, raft::server_id{1}, model::slot_ask{other, 1, {{}, 1}}}}});
    CHECK(out.grants.empty());  // the node beside the slot finds it in the log
    REQUIRE(replica->table().running().size() == 1);
    const auto& [task, attempt] = *replica->table().running().begin();
    beat = {other, task, attempt.attempt, "make", {}};
  }
  [[nodiscard]] peer_message delegated(const model::command& what) const {
    return {{}, raft::server_id{2}, raft::server_id{1}, delegated_command{encode(now, what, {}), false}};
  }
  [[nodiscard]] event::received heard() const { return {{{}, raft::server_id{2}, raft::server_id{1}, beat}}; }
  [[nodiscard]] bool is_running() const { return !replica->table().running().empty(); }

  model::slot_id other{model::node_id{2}, model::incarnation{1}, 0};
  model::slot_heartbeat beat;
};

TEST_CASE("what ran on a node whose process has ended is soon somebody else's") {
  with_second node;
  node.step({event::gone{model::node_id{2}}});
  node.tick(node.settings.lease / 5 - 1ms);
  CHECK(node.is_running());
  const auto out = node.tick(1ms);
  CHECK_FALSE(node.is_running());
  REQUIRE_FALSE(out.events.empty());
  CHECK(out.events.front().data.at("detail").as_string().starts_with("nobody listens at its node's address"));
}

TEST_CASE("a new leader knows which processes have ended before it took office") {
  node_under_test node;
  node.settings.founders = raft::configuration{{raft::server_id{1}, raft::server_id{2}, raft::server_id{3}}, {}};
  node.open();
  const raft::server_id self{1}, other{2};
  const auto hear = [&](std::uint64_t term, raft::message_body what) {
    return node.step({event::received{{{}, other, self, raft::message{other, self, raft::term{term}, std::move(what)}}}});
  };
  const std::vector<model::command> commands{model::boot_command{model::node_id{2}, model::incarnation{1}}, node.a_submission(),
                                             model::assign_command{{model::node_id{2}, model::incarnation{1}, 0}, 1, {{}, 1}}};
  raft::append_request append;
  for (const auto& command : commands)
    append.entries.push_back({raft::log_index{append.entries.size() + 1}, raft::term{1}, raft::entry_kind::command,
                              std::make_shared<const std::string>(encode(node.now, command, {}))});
  append.commit = raft::log_index{commands.size()};
  (void)hear(1, std::move(append));
  REQUIRE(node.replica->table().running().size() == 1);
  (void)node.step({event::gone{model::node_id{2}}});  // the old leader, with what ran beside it

  const raft::server_id third{3};
  const auto hear_third = [&](raft::message_body what) {
    return node.step({event::received{{{}, third, self, raft::message{third, self, raft::term{2}, std::move(what)}}}});
  };
  (void)node.tick(2s);
  (void)hear_third(raft::pre_vote_reply{true});
  (void)hear_third(raft::vote_reply{true});
  (void)hear_third(raft::append_accepted{node.replica->raft_status().last});
  REQUIRE(node.replica->is_ready());
  (void)node.tick(node.settings.lease / 5 - 1ms);
  CHECK(node.replica->table().running().size() == 1);
  (void)node.tick(1ms);
  (void)hear_third(raft::append_accepted{node.replica->raft_status().last});
  CHECK(node.replica->table().running().empty());
}

TEST_CASE("a node that is heard of after all keeps what it runs") {
  with_second node;
  node.step({event::gone{model::node_id{2}}});
  node.step({node.heard()});
  node.tick(node.settings.lease - 1ms);
  CHECK(node.is_running());
}

TEST_CASE("the end of one node does not touch what runs on another") {
  with_second node;
  node.step({event::gone{model::node_id{3}}});
  node.tick(node.settings.lease - 1ms);
  CHECK(node.is_running());
  node.tick(1ms);
  CHECK_FALSE(node.is_running());
}

TEST_CASE("a slot without a leader stops what it runs before its lease is over") {
  node_under_test node;
  node.settings.founders = raft::configuration{{raft::server_id{1}, raft::server_id{2}}, {}};
  node.open();
  // Server 2 leads, and has this node's slot run a task.
  const auto submit = node.a_submission();
  const std::vector<model::command> commands{submit, model::assign_command{node.slot(), 1, {{}, 1}}};
  raft::append_request append;
  for (const auto& command : commands)
    append.entries.push_back({raft::log_index{append.entries.size() + 1}, raft::term{1}, raft::entry_kind::command,
                              std::make_shared<const std::string>(encode(node.now, command, {}))});
  append.commit = raft::log_index{commands.size()};
  const auto from_leader = [&](raft::append_request what) {
    return event::received{{{},
                            raft::server_id{2},
                            raft::server_id{1},
                            raft::message{raft::server_id{2}, raft::server_id{1}, raft::term{1}, std::move(what)}}};
  };
  const auto out = node.step({from_leader(append)});
  REQUIRE(out.grants.size() == 1);
  const auto heard_at = node.now;

  auto revoked = node.tick(100ms).revocations;
  while (revoked.empty() && node.now < heard_at + node.settings.lease) revoked = node.tick(50ms).revocations;

  REQUIRE(revoked.size() == 1);
  CHECK(revoked.front().task == out.grants.front().task.task);
  CHECK(node.now < heard_at + node.settings.lease);
}

/// A follower whose slot runs a task; server 2 leads in term 1.
struct led : node_under_test {
  led() {
    settings.founders = raft::configuration{{raft::server_id{1}, raft::server_id{2}}, {}};
    open();
    const auto out = append({a_submission(), model::assign_command{slot(), 1, {{}, 1}}});
    REQUIRE(out.grants.size() == 1);
    task = out.grants.front().task;
  }
  /// From the leader, which has committed them.
  effects append(const std::vector<model::command>& commands) {
    const auto last = replica->raft_status().last;
    raft::append_request append;
    append.prev_index = last;
    append.prev_term = raft::term{last.raw() == 0 ? 0u : 1u};
    for (const auto& command : commands)
      append.entries.push_back({raft::log_index{last.raw() + append.entries.size() + 1}, raft::term{1}, raft::entry_kind::command,
                                std::make_shared<const std::string>(encode(now, command, {}))});
    append.commit = raft::log_index{last.raw() + commands.size()};
    return hear(1, std::move(append));
  }
  effects hear(std::uint64_t term, raft::message_body what) {
    const raft::server_id self{1}, other{2};
    return step({event::received{{{}, other, self, raft::message{other, self, raft::term{term}, std::move(what)}}}});
  }
  model::task_spec task;
};

TEST_CASE("a report that was passed on to a leader is proposed by the next one, although it is this replica itself") {
  led node;
  (void)node.step({node.a_finish(node.task)});
  (void)node.tick(2s);
  (void)node.hear(2, raft::pre_vote_reply{true});
  (void)node.hear(2, raft::vote_reply{true});
  const auto last = node.replica->raft_status().last;
  (void)node.hear(2, raft::append_accepted{last});
  REQUIRE(node.replica->is_ready());

  (void)node.step({node.a_finish(node.task)});

  CHECK(node.replica->raft_status().last > last);
}

TEST_CASE("a report is forgotten with its attempt, also where it was only passed on") {
  led node;
  (void)node.step({node.a_finish(node.task)});
  CHECK(node.replica->held().finishing == 1);

  (void)node.append({model::cancel_command{"tenant", node.task.task.job, "changed my mind"}});

  CHECK(node.replica->held().finishing == 0);
}

TEST_CASE("a doubled report of an earlier attempt does not let a late double of a sign of life take progress back") {
  led node;
  const model::finish_command failed{node.task.task, node.task.attempt,
                                     model::attempt_failure{model::failure_cause::failed, "no", ""}};
  (void)node.append({failed});
  node.now += 10s;
  const auto out = node.append({model::assign_command{node.slot(), 2, {{}, 1}}});
  REQUIRE(out.grants.size() == 1);
  const auto second = out.grants.front().task;
  REQUIRE(second.task == node.task.task);
  (void)node.step({node.a_beat(second, 500)});

  (void)node.append({failed});

  CHECK(node.step({node.a_beat(second, 300)}).progress.empty());
}

TEST_CASE("a leader does not propose a report of an earlier attempt that a follower passed on") {
  with_second node;
  const auto ran = node.beat;
  const model::finish_command failed{ran.task, ran.attempt, model::attempt_failure{model::failure_cause::failed, "no", ""}};
  (void)node.step({event::received{node.delegated(failed)}});
  REQUIRE_FALSE(node.is_running());
  (void)node.tick(10s);
  (void)node.step({event::received{{{}, raft::server_id{2}, raft::server_id{1}, model::slot_ask{node.other, 2, {{}, 1}}}}});
  REQUIRE(node.is_running());
  const auto last = node.replica->raft_status().last;

  (void)node.step({event::received{node.delegated(failed)}});

  CHECK(node.replica->raft_status().last == last);
}

TEST_CASE("an election does not let a late double of a sign of life take progress back") {
  led node;
  (void)node.step({node.a_beat(node.task, 500)});
  (void)node.tick(2s);
  CHECK(node.step({node.a_beat(node.task, 300)}).progress.empty());
}

}  // namespace
}  // namespace troupe::replica
