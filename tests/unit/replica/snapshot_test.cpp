#include "follower_support.hpp"
#include "persistence/replica/state_store.hpp"

// Goal: the state of another replica takes the place of this one's, and nobody who waits here is forgotten. Method: a follower,
// whose leader is the test, and an image of another node's state.
namespace troupe::replica {
namespace {

using namespace testing;

effects offered(follower& to, std::uint64_t index = 100) {
  return to.hear(raft::snapshot_offer{raft::log_index{index}, raft::term{5}, 1});
}
event::image_fetched image_for(const follower& node, const node_under_test& source, std::uint64_t index = 100,
                               std::uint64_t term = 5) {
  node.disk->images["image"] = source.disk->state;
  return {received_image{{raft::log_index{index}, raft::term{term}}, group, "image"}};
}

const delegated_command* delegated_in(const effects& out) {
  for (const auto& message : out.messages)
    if (const auto* command = std::get_if<delegated_command>(&message.what)) return command;
  return nullptr;
}

TEST_CASE("a snapshot that is offered is fetched, and asked for anew when it could not be had") {
  follower node;
  const auto out = offered(node);
  REQUIRE(out.install.has_value());
  CHECK(out.install->from == leader);
  CHECK(out.install->at_least.index == raft::log_index{100});
  CHECK_FALSE(offered(node).install);
  CHECK(node.step({event::image_fetched{error{errc::timed_out, "no answer"}}}).persist.empty());
  CHECK(offered(node).install);
}

TEST_CASE("an image that is not ahead of the own state changes nothing") {
  follower node;
  node_under_test source;
  source.start();
  offered(node);
  const auto out = node.step({image_for(node, source, 0, 0)});
  CHECK(out.persist.empty());
  CHECK(offered(node).install);
}

TEST_CASE("an image that nobody asked for changes nothing") {
  follower node;
  node_under_test source;
  source.start();
  CHECK(node.step({image_for(node, source)}).persist.empty());
  CHECK(node.replica->applied() == log_position{});
}

TEST_CASE("what another replica knows is known here once its image is there") {
  follower node;
  node_under_test source;
  source.start();
  const auto job = source.submitted();
  offered(node);
  node.step({image_for(node, source)});
  const auto out = node.tick();
  REQUIRE(out.persist.size() == 1);
  CHECK(out.persist[0].sync);
  CHECK(out.persist[0].install == "image");
  CHECK(out.events.empty());
  CHECK(node.replica->applied() == log_position{raft::log_index{100}, raft::term{5}});
  CHECK(node.state(job) == model::job_state::queued);
  CHECK(node.replica->raft_status().base == raft::log_index{100});
  node.open();
  CHECK(node.state(job) == model::job_state::queued);
  CHECK(node.replica->raft_status().members == group);
}

TEST_CASE("while the state is replaced nothing of it is shown") {
  follower node;
  node_under_test source;
  source.start();
  const auto job = source.submitted();
  offered(node);
  node.step({image_for(node, source)});
  auto out = node.step_only({});
  REQUIRE(out.persist.size() == 1);
  CHECK(node.replica->view("tenant", job).error().code == errc::not_leader);
  CHECK(node.replica->list({"tenant", {}, {}, {}}, "", 10).error().code == errc::not_leader);
  CHECK(node.replica->events("tenant", job, 0, 10).error().code == errc::not_leader);
  node.write(std::move(out));
  CHECK(node.state(job) == model::job_state::queued);
}

TEST_CASE("an image of a newer term comes after that term") {
  follower node;
  node_under_test source;
  source.start();
  offered(node);
  node.step({image_for(node, source, 120, 8)});
  const auto out = node.tick();
  REQUIRE(out.persist.size() == 2);
  CHECK(out.persist[0].hard_state == raft::hard_state{raft::term{8}, std::nullopt});
  CHECK(out.persist[1].install.has_value());
  node.open();
  CHECK(node.replica->applied() == log_position{raft::log_index{120}, raft::term{8}});
}

TEST_CASE("a command that was applied within a snapshot is sent again, and answered") {
  follower node;
  node_under_test source;
  source.start();
  offered(node);
  auto what = node.a_submit();
  what.command.idempotency_key = "key";
  CHECK(delegated_in(node.step({what})) != nullptr);
  REQUIRE(source.step({event::submit{request_token{77}, what.command}}).answers.size() == 1);
  node.step({image_for(node, source)});
  const auto out = node.tick();
  const auto* again = delegated_in(out);
  REQUIRE(again != nullptr);
  CHECK(out.answers.empty());

  const raft::entry entry{raft::log_index{101}, raft::term{5}, raft::entry_kind::command,
                          std::make_shared<const std::string>(again->command)};
  node.hear(raft::append_request{raft::log_index{100}, raft::term{5}, {entry}, raft::log_index{100}, {}, 2});
  const auto done = node.hear(raft::append_request{raft::log_index{101}, raft::term{5}, {}, raft::log_index{101}, {}, 3});

  REQUIRE(done.answers.size() == 1);
  CHECK(done.answers[0].token == what.token);
  CHECK(std::get<result<model::submit_outcome>>(done.answers[0].reply)->id == what.command.id);
}

TEST_CASE(
    "what runs on a node that is back is not taken for lost with the process that ended before, though an image says so first") {
  follower node;
  node_under_test source;
  const auto put_in = [&](std::uint64_t index) {
    offered(node, index);
    node.step({image_for(node, source, index)});
    node.tick();
  };
  source.start();
  put_in(100);
  node.step({event::gone{source.settings.node}});
  source.start();
  source.submitted();
  source.started();
  put_in(200);
  REQUIRE(node.replica->table().running().size() == 1);

  const raft::server_id third{3};
  const auto hear_third = [&](raft::message_body what) {
    return node.step({event::received{{{}, third, self, raft::message{third, self, raft::term{6}, std::move(what)}}}});
  };
  node.tick(2s);
  hear_third(raft::pre_vote_reply{true});
  hear_third(raft::vote_reply{true});
  hear_third(raft::append_accepted{node.replica->raft_status().last});
  REQUIRE(node.replica->is_ready());
  node.tick(node.settings.lease / 5);
  hear_third(raft::append_accepted{node.replica->raft_status().last});
  CHECK(node.replica->table().running().size() == 1);
}

TEST_CASE("the members stand in the state once they were changed") {
  follower node;
  const raft::configuration more{group.voters, {raft::server_id{4}}};
  const raft::entry change{raft::log_index{1}, raft::term{5}, raft::entry_kind::members,
                           std::make_shared<const std::string>(raft::encode(more))};
  node.hear(raft::append_request{{}, {}, {change}, {}, {}, 1});
  CHECK_FALSE(node.disk->state.contains(members_key()));
  node.hear(raft::append_request{raft::log_index{1}, raft::term{5}, {}, raft::log_index{1}, {}, 2});
  REQUIRE(node.disk->state.contains(members_key()));
  CHECK(raft::decode_configuration(node.disk->state.at(members_key())).value() == more);
}

TEST_CASE("a state of a time before gets its members with the first write") {
  follower node;
  const raft::configuration more{group.voters, {raft::server_id{4}}};
  node.disk->past.members = more;
  node.open();
  node.step({});
  CHECK(raft::decode_configuration(node.disk->state.at(members_key())).value() == more);
}

}  // namespace
}  // namespace troupe::replica
