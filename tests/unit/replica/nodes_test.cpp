#include "persistence/replica/codec.hpp"
#include "replica_support.hpp"

#include <set>

// Goal: nodes are drained and taken out by those who may decide it, and a node that does not belong any more finds that out and
// stands still. Method: one replica, messages by hand.
namespace troupe::replica {
namespace {

using namespace testing;

constexpr model::node_id second{2};

/// A sole voter, and a second node that has announced itself and learns.
struct leader_with_second : node_under_test {
  leader_with_second() {
    settings.mark = 11;
    start();
    step({delegated(model::boot_command{second, model::incarnation{1}, "b:1", 22})});
    REQUIRE(replica->raft_status().members.learners == std::vector{raft::server_id{2}});
  }
  [[nodiscard]] event::received delegated(const model::command& what) const {
    return event::received{{{}, raft::server_id{2}, raft::server_id{1}, delegated_command{encode(now, what, {}), false}}};
  }
  event::received said(raft::message_body body) {
    return event::received{
        {{},
         raft::server_id{2},
         raft::server_id{1},
         raft::message{raft::server_id{2}, raft::server_id{1}, replica->raft_status().hard.current, std::move(body)}}};
  }
  /// Takes no proposal while a submission waits for the disk.
  void restart_with_little_room() {
    settings.raft.uncommitted_bytes_max = bytes{200};
    start();
  }
  /// `first` was stepped before `later`, and nothing of both was written yet.
  effects write_both(effects first, effects later) {
    std::ranges::move(later.persist, std::back_inserter(first.persist));
    return write(std::move(first));
  }
  result<model::node_id> change(model::command what) {
    const auto out = step({event::change_node{request_token{++last_token}, std::move(what)}});
    REQUIRE(out.answers.size() == 1);
    return std::get<result<model::node_id>>(out.answers[0].reply);
  }
};

bool has(const effects& out, std::string_view what) {
  return std::ranges::any_of(out.decisions, [&](const decision& each) { return each.what == what && !each.why.empty(); });
}

TEST_CASE("a node that is drained runs out of work, and the leader says when nothing is left") {
  leader_with_second node;
  node.submitted();
  node.submitted();
  const auto task = node.started();
  REQUIRE(node.change(model::drain_command{node.settings.node, std::nullopt}).has_value());
  CHECK(node.step({node.an_ask(2, 1)}).grants.empty());
  CHECK(node.replica->table().nodes().at(node.settings.node).state == model::job_table::node_state::draining);
  auto ask = node.an_ask(2);
  ask.ask.after = model::attempt_ref{task.task, task.attempt};
  CHECK(node.step({node.a_finish(task), ask}).grants.empty());
  CHECK(node.state(task.task.job) == model::job_state::succeeded);
  // The second node could have its vote.
  CHECK(node.replica->table().nodes().at(node.settings.node).state == model::job_table::node_state::draining);
  node.now += node.settings.raft.election_timeout;
  const auto out = node.tick();
  CHECK(has(out, "node_drained"));
  CHECK(node.replica->table().nodes().at(node.settings.node).state == model::job_table::node_state::drained);
}

TEST_CASE("that a node is drained is said again if the log had no room for it") {
  leader_with_second node;
  node.restart_with_little_room();
  const auto drain =
      node.step_only({event::change_node{request_token{++node.last_token}, model::drain_command{second, std::nullopt}}});
  auto busy = node.step_only({node.a_submit()});
  REQUIRE(drain.persist.size() == 1);
  REQUIRE(busy.persist.size() == 1);
  node.disk->write(drain.persist[0]);
  auto out = node.step_only({event::persisted{drain.persist[0].number}});
  REQUIRE(node.replica->held().proposals == 1);  // the submission alone
  CHECK_FALSE(has(out, "node_drained"));
  CHECK(has(node.write_both(std::move(busy), std::move(out)), "node_drained"));
  CHECK(node.replica->table().nodes().at(second).state == model::job_table::node_state::drained);
}

TEST_CASE("a learner that lacks the newest entries at every moment is let in to vote, one that falls behind is not") {
  for (const bool keeps_up : {true, false}) {
    leader_with_second node;
    node.step({node.delegated(model::boot_command{model::node_id{3}, model::incarnation{1}, "c:1", 33})});
    for (int i = 0; i < 3; ++i) node.tick(node.settings.raft.heartbeat);
    auto held = raft::previous(node.replica->raft_status().last);
    const auto votes = [&] { return node.replica->raft_status().members.has_voter(raft::server_id{2}); };
    for (int round = 0; round < 50 && !votes(); ++round) {
      node.now += node.settings.raft.heartbeat / 5;
      const auto newest = node.replica->raft_status().last;
      node.submitted();
      node.step({node.said(raft::append_accepted{held, 0})});
      if (keeps_up) held = newest;
    }
    CHECK(votes() == keeps_up);
  }
}

TEST_CASE("a node that lives is taken out only when it is drained, one that is silent at once") {
  leader_with_second node;
  const auto refused = node.change(model::remove_command{second, "test"});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == errc::conflict);
  CHECK(refused.error().detail.find("drain it") != std::string::npos);
  node.tick(node.settings.raft.election_timeout);
  REQUIRE(node.change(model::remove_command{second, "test"}).has_value());
  CHECK(node.replica->raft_status().members.learners.empty());
  const auto own = node.change(model::remove_command{node.settings.node, "test"});
  REQUIRE_FALSE(own.has_value());
  CHECK(own.error().detail.find("leads the cluster") != std::string::npos);
}

TEST_CASE("what is committed of a node is told to the links") {
  leader_with_second node;
  node.tick(node.settings.raft.election_timeout);
  const auto out = node.step({event::change_node{request_token{++node.last_token}, model::remove_command{second, "test"}}});
  REQUIRE(out.standings.size() == 1);
  CHECK(out.standings[0].first == second);
  CHECK(out.standings[0].second.is_removed);
  node.open();
  const auto again = node.step({});
  CHECK(std::ranges::any_of(again.standings, [](const auto& each) { return each.first == second && each.second.is_removed; }));
}

TEST_CASE("a follower that lost what it had acknowledged is taken out, with the reason") {
  leader_with_second node;
  const auto last = node.replica->raft_status().last;
  node.step({node.said(raft::append_accepted{last, 0})});
  node.tick(node.settings.raft.heartbeat);
  const auto out = node.step({node.said(raft::append_refused{last, raft::log_index{0}, raft::term{0}, 1'000})});
  CHECK(has(out, "node_lost_its_log"));
  REQUIRE(node.replica->table().removed_nodes().contains(second));
  CHECK(node.replica->table().removed_nodes().at(second).reason.find("had acknowledged all up to") != std::string::npos);
  CHECK_FALSE(node.replica->raft_status().members.has(raft::server_id{2}));
}

TEST_CASE("a follower that lost its log is taken out later if the log has no room for that now") {
  leader_with_second node;
  node.restart_with_little_room();
  const auto last = node.replica->raft_status().last;
  node.step({node.said(raft::append_accepted{last, 0})});
  node.tick(node.settings.raft.heartbeat);
  auto busy = node.step_only({node.a_submit()});
  auto out = node.step_only({node.said(raft::append_refused{last, raft::log_index{0}, raft::term{0}, 1'000})});
  REQUIRE(has(out, "node_lost_its_log"));
  REQUIRE(node.replica->held().proposals == 1);
  node.write_both(std::move(busy), std::move(out));
  node.tick(1ms);
  CHECK(node.replica->table().removed_nodes().contains(second));
}

TEST_CASE("a node that finds a later start of itself in the log is an old copy and stands still") {
  for (const auto& [boot, mark] : {std::pair{2, 33}, {1, 33}}) {
    leader_with_second node;
    const auto job = node.submitted();
    const auto task = node.started();
    const auto out = node.step({node.delegated(model::boot_command{
        node.settings.node, model::incarnation{static_cast<std::uint64_t>(boot)}, "copy:1", static_cast<std::uint64_t>(mark)})});
    if (boot == 1) {  // the first of two starts of one number stays; the other one finds itself out
      CHECK_FALSE(node.replica->expelled().has_value());
      continue;
    }
    REQUIRE(node.replica->expelled().has_value());
    CHECK(node.replica->expelled()->find("is an old copy: this is start 1") != std::string::npos);
    CHECK(node.replica->expelled()->find("start it with an empty data directory") != std::string::npos);
    CHECK(has(out, "node_expelled"));
    CHECK_FALSE(node.replica->has_leader());
    CHECK(node.replica->view("tenant", job).error().detail == *node.replica->expelled());
    CHECK(node.step({node.a_beat(task)}).revocations.size() == 1);
    const auto refused = node.step({node.a_submit()});
    REQUIRE(refused.answers.size() == 1);
    CHECK(std::get<result<model::submit_outcome>>(refused.answers[0].reply).error().detail == *node.replica->expelled());
    CHECK(node.tick(1min).messages.empty());
  }
}

TEST_CASE("a copy whose number of starts is that of the known one finds itself out by its mark") {
  node_under_test original;
  original.settings.mark = 11;
  original.start();
  node_under_test copy;
  *copy.disk = *original.disk;
  copy.settings.mark = 12;
  copy.open();
  copy.step({});
  REQUIRE(copy.replica->expelled().has_value());
  CHECK(copy.replica->expelled()->find("another start 1") != std::string::npos);
}

TEST_CASE("a copy that was started again finds itself out by the mark of the start that the cluster knows") {
  node_under_test original;
  original.settings.mark = 11;
  original.start();
  node_under_test copy;
  *copy.disk = *original.disk;
  copy.open();
  copy.settings.mark = 13;
  copy.settings.earlier_marks = {12};
  SUBCASE("another process's") {}
  SUBCASE("its own") { copy.settings.earlier_marks = {11}; }
  const bool is_its_own = copy.settings.earlier_marks == std::vector<std::uint64_t>{11};
  copy.open();
  copy.step({});
  CHECK(copy.replica->expelled().has_value() != is_its_own);
}

TEST_CASE("a leader takes no start of another node before it has applied what its predecessors committed") {
  leader_with_second node;
  node.open();
  auto first = node.step_only({});
  REQUIRE(first.persist.size() == 1);
  node.disk->write(first.persist[0]);
  first = node.step_only({event::persisted{first.persist[0].number}});
  REQUIRE(node.replica->raft_status().role == raft::server_role::leader);
  REQUIRE_FALSE(node.replica->is_ready());
  const auto started = node.delegated(model::boot_command{second, model::incarnation{2}, "b:2", 33});
  node.write_both(std::move(first), node.step_only({started}));
  REQUIRE(node.replica->is_ready());
  CHECK(node.replica->table().nodes().at(second).boot == model::incarnation{1});
  node.step({started});
  CHECK(node.replica->table().nodes().at(second).boot == model::incarnation{2});
}

TEST_CASE("a node that has met several asks each of them in turn to let it in") {
  node_under_test node;
  node.settings.founders = raft::configuration{};
  node.open();
  std::set<raft::server_id> asked;
  const auto note = [&](const effects& out) {
    for (const auto& one : out.messages) asked.insert(one.to);
  };
  note(node.step({event::met{raft::server_id{2}}, event::met{raft::server_id{3}}}));
  for (int round = 0; round < 2; ++round) note(node.tick(node.settings.resend_every));
  CHECK(asked == std::set{raft::server_id{2}, raft::server_id{3}});
}

TEST_CASE("a start that nobody heard of before the next one is no old copy") {
  node_under_test node;
  node.settings.mark = 11;
  node.start();
  node.open();  // counted, and crashed before it said so
  node.settings.mark = 13;
  node.start();
  CHECK_FALSE(node.replica->expelled().has_value());
  CHECK(node.replica->table().nodes().at(node.settings.node).boot == node.settings.boot);
}

TEST_CASE("a node that is told by the others that it does not belong answers everybody so") {
  leader_with_second node;
  const auto waiting = node.step_only({node.a_submit()});
  CHECK(waiting.answers.empty());
  const auto out = node.step_only({event::expelled{"no place for you"}});
  REQUIRE(out.answers.size() == 1);
  CHECK(std::get<result<model::submit_outcome>>(out.answers[0].reply).error().detail == "no place for you");
  const auto read = node.step_only({event::read{request_token{++node.last_token}}});
  REQUIRE(read.reads.size() == 1);
  CHECK(read.reads[0].may_read.error().detail == "no place for you");
  CHECK(node.step_only({}).wake_at == timestamp::max());
}

}  // namespace
}  // namespace troupe::replica
