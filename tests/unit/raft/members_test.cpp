#include "unit/raft/builders.hpp"

using namespace troupe;
using namespace troupe::raft;
using namespace troupe::raft::testing;

namespace {

configuration group(std::initializer_list<std::uint64_t> voters, std::initializer_list<std::uint64_t> learners = {}) {
  configuration made;
  for (const auto id : voters) made.voters.push_back(server(id));
  for (const auto id : learners) made.learners.push_back(server(id));
  return made;
}

entry members_entry(std::uint64_t index, std::uint64_t at_term, const configuration& members) {
  return {at(index), term{at_term}, entry_kind::members, text(encode(members))};
}

/// Server 1 of three, leading in term 1; its first entry is committed.
driven leader(const options& settings = quiet_options()) {
  driven one{past(3), settings};
  (void)elect(one);
  (void)one.settle();
  (void)one.step(from(2, 1, append_accepted{at(1)}));
  return one;
}

errc refusal(driven& one, const configuration& to) { return one.step(change_members{to}).proposed->error().code; }

std::vector<server_id> asked(const update& out) {
  std::vector<server_id> ids;
  for (const auto& m : out.send) ids.push_back(m.to);
  return ids;
}

/// Server 1, with learner 4 that has all there is and is told of more after 5 ms.
driven leader_with_learner(bytes kept_bytes_max = 64_MiB) {
  auto settings = quiet_options();
  settings.commit_notice_after = 5ms;
  settings.kept_bytes_max = kept_bytes_max;
  auto one = leader(settings);
  (void)one.step(change_members{group({1, 2, 3}, {4})});
  (void)one.settle();
  (void)one.step(from(2, 1, append_accepted{at(2)}));
  (void)one.step(from(4, 1, append_accepted{at(2)}));
  return one;
}

}  // namespace

TEST_CASE("a configuration survives its encoding, and nothing else is taken for one") {
  const auto members = group({1, 2, 3}, {4, 5});
  const auto text = encode(members);
  CHECK(decode_configuration(text).value() == members);
  CHECK(decode_configuration(encode({})).value() == configuration{});
  for (std::size_t size = 0; size < text.size(); ++size)
    CHECK(decode_configuration(std::string_view{text}.substr(0, size)).error().code == errc::corrupt);
  CHECK(decode_configuration(text + "x").error().code == errc::corrupt);
  CHECK(decode_configuration(encode(group({1, 1}))).error().code == errc::corrupt);
}

TEST_CASE("a change adds or removes one voter, and a new voter was a learner (thesis 4.1, 4.2.1)") {
  CHECK(check_change(group({1, 2, 3}, {4}), group({1, 2, 3, 4})).has_value());
  CHECK(check_change(group({1, 2, 3}), group({1, 2})).has_value());
  CHECK(check_change(group({1, 2, 3}), group({1, 2}, {3})).has_value());
  CHECK(check_change(group({1}), group({1}, {2, 3, 4})).has_value());
  for (const auto& to : {group({1, 2, 3, 5}, {4}), group({1, 4}, {2, 3}), group({1, 2, 4}), group({}), group({1, 2, 3, 3}),
                         group({1, 2, 3}, {3}), group({0, 1, 2, 3})})
    CHECK(check_change(group({1, 2, 3}, {4}), to).error().code == errc::bad_request);
}

TEST_CASE("a change is in force as soon as it is in the log: the new member gets the log at once (thesis 4.1)") {
  auto one = leader();
  const auto out = one.step(change_members{group({1, 2, 3}, {4})});
  CHECK(out.proposed->value().first == at(2));
  CHECK(out.append[0].kind == entry_kind::members);
  CHECK(one.core.state().members == group({1, 2, 3}, {4}));
  CHECK(one.core.state().members_since == at(2));
  const auto to = asked(out);
  CHECK(std::count(to.begin(), to.end(), server(4)) == 1);
}

TEST_CASE("a learner's copy counts for nothing, its vote neither (thesis 4.2.1)") {
  auto one = leader();
  (void)one.step(change_members{group({1, 2, 3}, {4})});
  (void)one.settle();
  (void)one.step(from(4, 1, append_accepted{at(2)}));
  CHECK(one.core.state().commit == at(1));
  (void)one.step(from(3, 1, append_accepted{at(2)}));
  CHECK(one.core.state().commit == at(2));

  driven other{past(3, 1, {members_entry(1, 1, group({1, 2, 3}, {4}))})};
  (void)other.tick_after(2s);
  (void)other.step(from(4, 2, pre_vote_reply{true}));
  CHECK(other.role() == server_role::pre_candidate);
  (void)other.step(from(2, 2, pre_vote_reply{true}));
  CHECK(other.role() == server_role::candidate);
}

TEST_CASE("a learner gets entries when they are committed: at once if somebody waits there, else some together") {
  auto one = leader_with_learner();
  const auto to_learner = [](const update& out) {
    numbers indexes;
    for (const auto& m : out.send)
      if (m.to == server(4))
        for (const auto& e : std::get<append_request>(m.body).entries) indexes.push_back(e.index.raw());
    return indexes;
  };
  CHECK(to_learner(one.step(propose{{text("a")}})).empty());
  (void)one.settle();
  CHECK(to_learner(one.step(from(2, 1, append_accepted{at(3)}))).empty());
  CHECK(to_learner(one.step(propose{{text("b")}})).empty());
  (void)one.settle();
  CHECK(to_learner(one.tick_after(5ms)) == numbers{3});
  CHECK(to_learner(one.step(propose{{text("c")}, {server(4)}})).empty());
  (void)one.settle();
  const auto out = one.step(from(2, 1, append_accepted{at(5)}));
  CHECK(to_learner(out) == numbers{4, 5});  // although its answer to 3 has not come
}

TEST_CASE("a reader at a learner is told at once of a commit whose entries that lacks, whatever it was told of others' reads") {
  auto one = leader_with_learner();
  (void)one.step(propose{{text("a")}});
  (void)one.settle();
  (void)one.step(from(2, 1, append_accepted{at(3)}));
  const auto round = sent<append_request>(one.step(confirm_read{7, server(4)}))[0].round;
  const auto decided = one.step(from(2, 1, append_accepted{at(3), round}));
  REQUIRE(decided.reads.size() == 1);
  REQUIRE(decided.send.size() == 1);
  CHECK(decided.send[0].to == server(4));
  CHECK(indexes_of(std::get<append_request>(decided.send[0].body).entries) == numbers{3});
}

TEST_CASE("a learner that lacks what the log no longer has is offered the snapshot with the next commit") {
  auto one = leader_with_learner(bytes{1});
  const auto commit = [&one](std::uint64_t index) {
    (void)one.settle();
    return one.step(from(2, 1, append_accepted{at(index)}));
  };
  (void)one.step(propose{{text("a"), text("b")}});
  (void)commit(4);
  CHECK(one.step(compact{at(4)}).released->index == at(4));
  (void)one.step(propose{{text("c")}});
  CHECK(sent_one<snapshot_offer>(commit(5)).index == at(4));
}

TEST_CASE("one change at a time, and none before the leader has committed in its own term (S4)") {
  auto one = leader();
  (void)one.step(change_members{group({1, 2, 3}, {4})});
  CHECK(refusal(one, group({1, 2, 3}, {4, 5})) == errc::conflict);
  (void)one.settle();
  (void)one.step(from(2, 1, append_accepted{at(2)}));
  CHECK(one.step(change_members{group({1, 2, 3, 4})}).proposed->has_value());

  driven fresh{past(3, 1, log_of({1}))};
  (void)elect(fresh);
  (void)fresh.settle();
  CHECK(refusal(fresh, group({1, 2})) == errc::conflict);
  (void)fresh.step(from(2, 2, append_accepted{at(2)}));
  CHECK(fresh.step(change_members{group({1, 2})}).proposed->has_value());
}

TEST_CASE("a change that is refused leaves nothing in the log (M5)") {
  auto one = leader();
  CHECK(one.step(change_members{group({1, 2, 3, 4})}).append.empty());
  CHECK(one.core.state().last == at(1));
  CHECK(one.core.state().members == voters(3));
}

TEST_CASE("changes are refused with a reason by a follower, during a handover, and when they would remove the leader") {
  auto one = leader();
  CHECK(refusal(one, group({2, 3})) == errc::bad_request);
  CHECK(refusal(one, group({1, 2, 3, 4})) == errc::bad_request);
  (void)one.step(transfer_leadership{server(2)});
  CHECK(refusal(one, group({1, 2})) == errc::not_leader);
  driven follower{past(3)};
  CHECK(refusal(follower, group({1, 2})) == errc::not_leader);
}

TEST_CASE("an entry that is replaced takes its members with it (S2, S3)") {
  driven one{past(3)};
  (void)one.step(from(2, 1, append(0, 0, {log_of({1})[0], members_entry(2, 1, group({1, 2, 3}, {4})), log_of({1}, 2)[0]})));
  (void)one.settle();
  CHECK(one.core.state().members_since == at(2));
  (void)one.step(from(3, 2, append(1, 1, log_of({2}, 1))));
  CHECK(one.core.state().members == voters(3));
  CHECK(one.core.state().members_since == at(0));
}

TEST_CASE("two changes in one message are both known by their own index (S3)") {
  driven one{past(3)};
  const auto first = members_entry(1, 1, group({1, 2, 3}, {4}));
  (void)one.step(from(2, 1, append(0, 0, {first, members_entry(2, 1, group({1, 2, 3, 4}))}, 1)));
  (void)one.settle();
  CHECK(one.core.state().members == group({1, 2, 3, 4}));
  (void)one.step(from(3, 2, append(1, 1, log_of({2}, 1), 1)));
  CHECK(one.core.state().members == group({1, 2, 3}, {4}));
}

TEST_CASE("a server that has not seen its promotion votes (L2), and one that was removed for good keeps still (L7)") {
  driven learner{past(0, 1, {members_entry(1, 1, group({2, 3}, {1}))})};
  CHECK(learner.step(from(2, 2, vote_request{at(9), term{1}})).hard->voted_for == server(2));
  (void)learner.settle();
  CHECK(learner.tick_after(5s).send.empty());

  auto removed = past(3, 1, {members_entry(1, 1, group({2, 3}))});
  removed.applied = at(1);
  driven gone{removed};
  const auto quiet = gone.tick_after(5s);
  CHECK(quiet.send.empty());
  CHECK(quiet.wake_at > gone.now);
  CHECK(gone.role() == server_role::follower);
}

TEST_CASE("a server whose removal is not committed stands for election, for the votes of the others (L3, thesis 4.2.2)") {
  driven one{past(3, 1, {members_entry(1, 1, group({2, 3}))})};
  const auto out = one.tick_after(2s);
  CHECK(one.role() == server_role::pre_candidate);
  CHECK(sent<pre_vote_request>(out).size() == 2);
  (void)one.step(from(2, 2, pre_vote_reply{true}));
  CHECK(one.role() == server_role::pre_candidate);  // its own vote does not count
  (void)one.step(from(3, 2, pre_vote_reply{true}));
  (void)one.settle();
  (void)one.step(from(2, 2, vote_reply{true}));
  (void)one.step(from(3, 2, vote_reply{true}));
  REQUIRE(one.role() == server_role::leader);
  (void)one.settle();
  (void)one.step(from(2, 2, append_accepted{at(2)}));
  CHECK(one.core.state().commit == at(0));
  (void)one.step(from(3, 2, append_accepted{at(2)}));
  CHECK(one.core.state().commit == at(2));
  CHECK(one.role() == server_role::follower);  // its last duty is done
}

TEST_CASE("a sole voter with a learner sends, and needs nobody to commit") {
  driven one{past(1)};
  (void)one.settle();
  (void)one.settle();
  CHECK(one.step(change_members{group({1}, {2})}).send.size() == 1);
  CHECK(indexes_of(one.settle().committed) == numbers{2});
  CHECK(one.tick_after(100ms).send.size() == 1);
}

TEST_CASE("a sole voter that takes in its first learner wants to wake for its next heartbeat, not in the past") {
  driven one{past(1)};
  (void)one.settle();
  (void)one.settle();
  (void)one.tick_after(1s);
  CHECK(one.step(change_members{group({1}, {2})}).wake_at == one.now + quiet_options().heartbeat);
}

TEST_CASE("who lacks what the log no longer has is offered the snapshot, once a heartbeat (M2)") {
  auto settings = quiet_options();
  settings.kept_bytes_max = bytes{1};
  auto one = leader(settings);
  (void)one.step(propose{{text("a"), text("b")}});
  (void)one.settle();
  (void)one.step(from(2, 1, append_accepted{at(3)}));
  const auto dropped = one.step(compact{at(3)});
  CHECK(dropped.released == position{at(3), term{1}});
  CHECK(dropped.released_members == voters(3));
  const auto refused = one.step(from(3, 1, append_refused{at(0), at(0), term{0}}));
  CHECK(sent<snapshot_offer>(refused).empty());  // late: nothing was asked there
  const auto offers = sent<snapshot_offer>(one.tick_after(100ms));
  REQUIRE(offers.size() == 1);
  CHECK(offers[0].index == at(3));
  CHECK(sent<snapshot_offer>(one.step(propose{{text("c")}})).empty());
  CHECK(sent<snapshot_offer>(one.step(from(3, 1, append_accepted{at(0)}))).empty());
  const auto on = one.step(from(3, 1, append_accepted{at(3)}));
  CHECK(terms_of(sent_one<append_request>(on).entries) == numbers{1});
}

TEST_CASE("a follower asks for a snapshot once, takes no entries meanwhile, and goes on behind it (M3, C2)") {
  driven one{past(3)};
  const auto wanted = one.step(from(2, 4, snapshot_offer{at(9), term{3}, 5}));
  REQUIRE(wanted.install);
  CHECK(wanted.install->from == server(2));
  CHECK(wanted.install->at_least == position{at(9), term{3}});
  (void)one.settle();
  CHECK_FALSE(one.step(from(2, 4, snapshot_offer{at(9), term{3}})).install);
  CHECK(one.step(from(2, 4, append(0, 0, log_of({1})))).append.empty());
  CHECK(one.tick_after(5s).send.empty());  // it is in no state to lead

  const auto done = one.step(installed{at(12), term{4}, group({1, 2, 3}, {4})});
  CHECK(one.core.state().base == at(12));
  CHECK(one.core.state().applied == at(12));
  CHECK(one.core.state().members == group({1, 2, 3}, {4}));
  (void)one.step(from(2, 4, append(12, 4, log_of({4}, 12))));
  const auto after = one.settle();
  CHECK(sent_one<append_accepted>(after).match == at(13));
}

TEST_CASE("a snapshot of what is in the log anyway is not fetched") {
  driven one{past(3, 4, log_of({1, 2, 3}))};
  const auto out = one.step(from(2, 4, snapshot_offer{at(2), term{2}}));
  CHECK_FALSE(out.install);
  CHECK(sent_one<append_accepted>(out).match == at(2));
  CHECK(one.core.state().commit == at(2));
  CHECK(one.step(from(2, 4, snapshot_offer{at(2), term{4}})).install.has_value() == false);  // below the commit index
}

TEST_CASE("a snapshot that could not be had is asked for again, one that nobody wanted stops the group") {
  driven one{past(3)};
  (void)one.step(from(2, 4, snapshot_offer{at(9), term{3}}));
  (void)one.step(install_failed{});
  CHECK(one.step(from(2, 4, snapshot_offer{at(9), term{3}})).install);
  driven other{past(3)};
  CHECK(other.step(installed{at(9), term{3}, voters(3)}).failure->code == errc::bad_request);
}

TEST_CASE("members are found again after a start, in the log and where it begins") {
  auto found = past(3, 2, {members_entry(6, 2, group({1, 2, 3}, {4}))});
  found.snapshot_index = found.applied = at(5);
  found.snapshot_term = term{1};
  CHECK(driven{found}.core.state().members == group({1, 2, 3}, {4}));
  found.entries[0].payload = text("nonsense");
  CHECK(machine::open(quiet_options(), found).error().code == errc::corrupt);
}
