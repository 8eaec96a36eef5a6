#include "unit/raft/builders.hpp"

#include <set>

using namespace troupe;
using namespace troupe::raft;
using namespace troupe::raft::testing;

TEST_CASE("a follower that hears nothing asks for pre-votes and takes no new term (thesis 9.6)") {
  driven one{past(3, 4, log_of({2, 4}))};
  const auto out = one.tick_after(2s);
  CHECK(out.role == role_change{server_role::pre_candidate, term{4}, std::nullopt});
  CHECK(out.persist_no == 0);
  const auto asked = sent<pre_vote_request>(out);
  REQUIRE(asked.size() == 2);
  CHECK(out.send[0].at == term{5});
  CHECK(asked[0].last_index == at(2));
  CHECK(asked[0].last_term == term{4});
}

TEST_CASE("election timeouts are spread over one to one and a half timeouts and differ from server to server (Raft 5.2)") {
  std::set<timestamp> due;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    auto settings = quiet_options();
    settings.random_seed = seed;
    auto one = machine::open(settings, past(3)).value();
    const auto wake_at = one.step(tick{}, from_unix_ms(0)).wake_at;
    CHECK(wake_at >= from_unix_ms(1000));
    CHECK(wake_at < from_unix_ms(1500));
    due.insert(wake_at);
  }
  CHECK(due.size() > 15);
}

TEST_CASE("who got no majority of pre-votes asks again soon, in the same term") {
  driven one{past(3, 4)};
  (void)one.tick_after(2s);
  (void)one.step(from(2, 4, pre_vote_reply{false}));
  CHECK(one.tick_after(249ms).send.empty());
  const auto again = one.tick_after(251ms);
  CHECK(sent<pre_vote_request>(again).size() == 2);
  CHECK(again.send[0].at == term{5});
}

TEST_CASE("of two that ask for pre-votes at the same time the lower id goes first, and the other one withdraws") {
  const pre_vote_request rival{at(1), term{4}};
  driven first{past(3, 4, log_of({4}))};
  (void)first.tick_after(2s);
  CHECK_FALSE(sent_one<pre_vote_reply>(first.step(from(2, 5, rival))).granted);
  CHECK(first.role() == server_role::pre_candidate);

  driven second{past(3, 4, log_of({4})), quiet_options(2)};
  const auto due = second.tick_after(2s).wake_at;
  const auto answer = second.step(received{message{server(1), server(2), term{5}, rival}});
  CHECK(sent_one<pre_vote_reply>(answer).granted);
  CHECK(second.role() == server_role::follower);
  CHECK(answer.wake_at == due);  // it may not be kept from its turn by one that asks for ever
}

TEST_CASE("who asks first goes first for an eighth of a timeout only, and a longer log goes before a lower id") {
  driven one{past(3, 4, log_of({4}))};
  (void)one.tick_after(2s);
  CHECK(sent_one<pre_vote_reply>(one.step(from(2, 5, pre_vote_request{at(2), term{4}}))).granted);

  driven late{past(3, 4, log_of({4}))};
  (void)late.tick_after(2s);
  late.now += 125ms;
  CHECK(sent_one<pre_vote_reply>(late.step(from(2, 5, pre_vote_request{at(1), term{4}}))).granted);
}

TEST_CASE("a candidate asks for votes only when its own vote is durable") {
  driven one{past(3, 4)};
  (void)one.tick_after(2s);
  const auto standing = one.step(from(3, 5, pre_vote_reply{true}));
  CHECK(standing.hard == hard_state{term{5}, server(1)});
  CHECK(standing.send.empty());
  CHECK(sent<vote_request>(one.settle()).size() == 2);
}

TEST_CASE("a candidate with the votes of a majority leads and tells everybody at once (Raft 5.2)") {
  driven one{past(3)};
  const auto out = elect(one);
  CHECK(out.role == role_change{server_role::leader, term{1}, server(1)});
  CHECK(terms_of(out.append) == numbers{1});
  CHECK(sent<append_request>(out).size() == 2);
}

TEST_CASE("one of five needs three votes, and counts no voter twice") {
  driven one{past(5)};
  (void)one.tick_after(2s);
  (void)one.step(from(2, 1, pre_vote_reply{true}));
  (void)one.step(from(2, 1, pre_vote_reply{true}));
  CHECK(one.role() == server_role::pre_candidate);
  (void)one.step(from(3, 1, pre_vote_reply{true}));
  (void)one.settle();
  (void)one.step(from(4, 1, vote_reply{true}));
  (void)one.step(from(4, 1, vote_reply{true}));
  CHECK(one.role() == server_role::candidate);
  (void)one.step(from(5, 1, vote_reply{true}));
  CHECK(one.role() == server_role::leader);
}

TEST_CASE("a server votes once in a term, and its vote leaves when it is durable (Raft 5.2)") {
  driven one{past(3, 4)};
  const auto granted = one.step(from(2, 5, vote_request{at(0), term{0}}));
  CHECK(granted.hard == hard_state{term{5}, server(2)});
  CHECK(granted.send.empty());
  CHECK(sent_one<vote_reply>(one.settle()).granted);

  CHECK_FALSE(sent_one<vote_reply>(one.step(from(3, 5, vote_request{at(9), term{4}}))).granted);
  CHECK(sent_one<vote_reply>(one.step(from(2, 5, vote_request{at(0), term{0}}))).granted);
}

TEST_CASE("a vote holds over a restart") {
  auto found = past(3, 5);
  found.hard.voted_for = server(2);
  driven one{found};
  CHECK_FALSE(sent_one<vote_reply>(one.step(from(3, 5, vote_request{at(9), term{4}}))).granted);
  CHECK(sent_one<vote_reply>(one.step(from(2, 5, vote_request{at(9), term{4}}))).granted);
}

TEST_CASE("a voter refuses a candidate whose log is behind its own (Raft 5.4.1)") {
  struct candidate {
    std::uint64_t last_index, last_term;
    bool granted;
  };
  for (const auto& [last_index, last_term, granted] :
       {candidate{3, 4, true}, {2, 4, false}, {1, 5, true}, {9, 3, false}, {4, 4, true}}) {
    const auto found = past(3, 5, log_of({1, 4, 4}));
    driven one{found};
    (void)one.step(from(2, 6, vote_request{at(last_index), term{last_term}}));
    CHECK(sent_one<vote_reply>(one.settle()).granted == granted);
    driven other{found};
    const auto pre = other.step(from(2, 6, pre_vote_request{at(last_index), term{last_term}}));
    CHECK(sent_one<pre_vote_reply>(pre).granted == granted);
  }
}

TEST_CASE("a server with a living leader neither grants pre-votes nor lets a vote depose it (thesis 4.2.3)") {
  driven one{past(3, 5)};
  (void)one.step(from(2, 5, append(0, 0)));
  const auto pre = one.step(from(3, 6, pre_vote_request{at(9), term{5}}));
  CHECK_FALSE(sent_one<pre_vote_reply>(pre).granted);
  const auto real = one.step(from(3, 9, vote_request{at(9), term{5}}));
  CHECK(real.send.empty());
  CHECK(one.current_term() == 5);

  one.now += 1s;
  CHECK(sent_one<pre_vote_reply>(one.step(from(3, 6, pre_vote_request{at(9), term{5}}))).granted);
}

TEST_CASE("a leader is not deposed by a vote request either") {
  driven one{past(3)};
  (void)elect(one);
  CHECK(one.step(from(3, 9, vote_request{at(9), term{5}})).send.empty());
  CHECK(one.role() == server_role::leader);
}

// Defect L1: a refusal that echoes the asker's term leaves a long log with an old term and a short log with a new one apart
// for ever: the one is refused for its term, the other for its log.
TEST_CASE("a refused pre-vote tells the newer term, so that a longer log with an older term can win") {
  driven long_log{past(3, 3, log_of({1, 3, 3}))};
  (void)long_log.tick_after(2s);
  const auto refusal = driven{past(3, 8, log_of({1}))}.step(from(2, 4, pre_vote_request{at(3), term{3}}));
  REQUIRE(refusal.send.size() == 1);
  CHECK_FALSE(sent_one<pre_vote_reply>(refusal).granted);
  CHECK(refusal.send[0].at == term{8});

  const auto learned = long_log.step(from(2, 8, pre_vote_reply{false}));
  CHECK(learned.hard == hard_state{term{8}, std::nullopt});
  (void)long_log.settle();
  const auto again = long_log.tick_after(2s);
  CHECK(sent<pre_vote_request>(again).size() == 2);
  CHECK(again.send[0].at == term{9});
}

// Defect M4: votes that were given to an earlier candidacy, or to another role, are not votes.
TEST_CASE("votes count only for the candidacy that they were given to") {
  driven one{past(3, 4)};
  (void)one.tick_after(2s);
  (void)one.step(from(2, 4, pre_vote_reply{true}));
  (void)one.step(from(2, 5, vote_reply{true}));
  CHECK(one.role() == server_role::follower);  // a vote of a term not known here: somebody else's; the term is real

  driven two{past(3, 4)};
  (void)two.tick_after(2s);
  (void)two.step(from(2, 5, pre_vote_reply{true}));
  (void)two.settle();
  (void)two.step(from(2, 4, vote_reply{true}));
  (void)two.step(from(2, 6, pre_vote_reply{true}));
  CHECK(two.role() == server_role::candidate);
  (void)two.step(from(3, 5, append(0, 0)));
  (void)two.step(from(2, 5, vote_reply{true}));
  CHECK(two.role() == server_role::follower);
}

TEST_CASE("a candidate follows the leader of its term (Raft 5.2)") {
  driven one{past(3, 4)};
  (void)one.tick_after(2s);
  (void)one.step(from(2, 5, pre_vote_reply{true}));
  const auto out = one.step(from(3, 5, append(0, 0)));
  CHECK(out.role == role_change{server_role::follower, term{5}, server(3)});
}

TEST_CASE("a candidate whose term is not yet on disk starts no other election") {
  driven one{past(3, 4)};
  (void)one.tick_after(2s);
  (void)one.step(from(2, 5, pre_vote_reply{true}));
  CHECK(one.tick_after(5s).send.empty());
  CHECK(one.role() == server_role::candidate);
  (void)one.settle();
  CHECK(sent<pre_vote_request>(one.tick_after(5s)).size() == 2);
}

TEST_CASE("a leader that a majority has not answered for an election timeout steps down (thesis 6.2)") {
  driven one{past(3)};
  (void)elect(one);
  (void)one.tick_after(900ms);
  CHECK(one.role() == server_role::leader);
  (void)one.step(from(3, 1, append_accepted{at(0)}));
  (void)one.tick_after(900ms);
  CHECK(one.role() == server_role::leader);
  const auto out = one.tick_after(100ms);
  CHECK(out.role == role_change{server_role::follower, term{1}, std::nullopt});
  CHECK(out.wake_at > one.now);
}

TEST_CASE("a leader that learns of a newer term steps down (Raft 5.1)") {
  driven one{past(3)};
  (void)elect(one);
  const auto out = one.step(from(3, 7, term_passed{}));
  CHECK(out.role == role_change{server_role::follower, term{7}, std::nullopt});
  CHECK(out.hard == hard_state{term{7}, std::nullopt});
}

TEST_CASE("a server that only sees terms pass keeps its election timer") {
  driven one{past(3, 4, log_of({4}))};
  const auto due = one.step(tick{}).wake_at;
  one.now += 500ms;
  CHECK(one.step(from(2, 6, vote_request{at(0), term{0}})).wake_at == due);
  CHECK(one.step(from(2, 7, vote_request{at(1), term{4}})).wake_at > due);
}

TEST_CASE("time that goes back counts as time that stands still") {
  driven one{past(3)};
  const auto due = one.step(tick{}).wake_at;
  one.now -= 1h;
  CHECK(one.step(tick{}).wake_at == due);
}
