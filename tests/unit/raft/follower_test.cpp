#include "unit/raft/builders.hpp"

using namespace troupe;
using namespace troupe::raft;
using namespace troupe::raft::testing;

namespace {

/// Entries after `base` with these terms, as a leader would send them.
append_request after(std::uint64_t base, std::uint64_t base_term, std::initializer_list<std::uint64_t> terms,
                     std::uint64_t commit = 0) {
  return append(base, base_term, log_of(terms, base), commit);
}

/// Server 1 with this log, all on its disk, in term 8 with server 2 as its leader.
driven follower_with(std::initializer_list<std::uint64_t> terms) {
  driven one{past(3, 8, log_of(terms))};
  (void)one.step(from(2, 8, append(0, 0)));
  return one;
}

}  // namespace

// Defect S1: an answer that looks like a success makes a leader of the newer term count what is not there.
TEST_CASE("a follower refuses entries of an older term, and its answer says nothing of logs (Raft 5.1)") {
  driven one{past(3, 5, log_of({1}))};
  const auto out = one.step(from(3, 4, after(0, 0, {1, 4})));
  REQUIRE(out.send.size() == 1);
  CHECK(out.send[0].at == term{5});
  CHECK(std::holds_alternative<term_passed>(out.send[0].body));
  CHECK(out.append.empty());
  CHECK_FALSE(out.role);
}

TEST_CASE("a follower refuses entries that do not follow its log, and says where the logs may agree (Raft 5.3)") {
  auto one = follower_with({1, 1, 4, 4, 4});
  const auto missing = sent_one<append_refused>(one.step(from(2, 8, after(9, 6, {8}))));
  CHECK(missing.rejected == at(9));
  CHECK(missing.hint_index == at(5));
  CHECK(missing.hint_term == term{4});
  const auto other_term = sent_one<append_refused>(one.step(from(2, 8, after(4, 3, {8}))));
  CHECK(other_term.rejected == at(4));
  CHECK(other_term.hint_index == at(2));
  CHECK(other_term.hint_term == term{1});
}

TEST_CASE("a follower replaces what conflicts and keeps what does not (Raft 5.3)") {
  auto one = follower_with({1, 1, 4, 4, 4});
  const auto out = one.step(from(2, 8, after(1, 1, {1, 4, 6})));
  CHECK(out.truncate_from == at(4));
  CHECK(indexes_of(out.append) == numbers{4});
  CHECK(terms_of(out.append) == numbers{6});
  CHECK(one.core.state().last == at(4));
}

TEST_CASE("a late, shorter append of the same leader takes nothing away (Raft 5.3)") {
  auto one = follower_with({1, 1, 4});
  (void)one.step(from(2, 8, after(3, 4, {8, 8})));
  (void)one.settle();
  const auto late = one.step(from(2, 8, after(2, 1, {4})));
  CHECK(late.persist_no == 0);
  CHECK(one.core.state().last == at(5));
}

TEST_CASE("an append is acknowledged when it is durable, and a doubled one only as far as it is") {
  auto one = follower_with({1});
  CHECK(one.step(from(2, 8, after(1, 1, {8, 8}))).send.empty());
  CHECK(sent_one<append_accepted>(one.step(from(2, 8, after(1, 1, {8, 8})))).match == at(1));
  CHECK(sent_one<append_accepted>(one.step(from(2, 8, append(3, 8)))).match == at(1));
  CHECK(sent_one<append_accepted>(one.settle()).match == at(3));
  CHECK(sent_one<append_accepted>(one.step(from(2, 8, append(3, 8)))).match == at(3));
}

TEST_CASE("what only says what is committed is answered once in a round") {
  auto one = follower_with({1});
  (void)one.step(from(2, 8, after(1, 1, {8, 8})));
  (void)one.settle();
  const auto telling = [](std::uint64_t commit, std::uint64_t round) {
    auto told = append(3, 8);
    told.commit = at(commit);
    told.round = round;
    return told;
  };
  CHECK(one.step(from(2, 8, telling(2, 0))).send.empty());
  CHECK(one.core.state().commit == at(2));
  CHECK(sent_one<append_accepted>(one.step(from(2, 8, telling(3, 1)))).round == 1);      // a heartbeat has to be answered
  CHECK(sent_one<append_accepted>(one.step(from(2, 8, telling(3, 1)))).match == at(3));  // as has one that says nothing new
}

TEST_CASE("writes that come true one by one are acknowledged one by one") {
  auto one = follower_with({1});
  const auto first = one.step(from(2, 8, after(1, 1, {8}))).persist_no;
  const auto second = one.step(from(2, 8, after(2, 8, {8}))).persist_no;
  CHECK(sent_one<append_accepted>(one.step(persisted{first})).match == at(2));
  CHECK(sent_one<append_accepted>(one.step(persisted{second})).match == at(3));
}

TEST_CASE("a write whose entries were replaced meanwhile acknowledges nothing of them") {
  driven one{past(3, 5)};
  const auto old = one.step(from(2, 5, after(0, 0, {5, 5, 5}))).persist_no;
  const auto replaced = one.step(from(3, 6, after(1, 5, {6, 6})));
  CHECK(replaced.truncate_from == at(2));
  CHECK(one.step(persisted{old}).send.empty());  // the new term is not durable either
  CHECK(one.core.state().durable == at(1));
  CHECK(sent<append_accepted>(one.settle()).back().match == at(3));
}

TEST_CASE("entries in the place of durable ones are acknowledged when they are durable themselves") {
  driven one{past(3, 5, log_of({4, 4, 4}))};
  (void)one.step(from(2, 5, append(1, 4)));
  (void)one.settle();
  CHECK(one.step(from(2, 5, after(1, 4, {5, 5}))).truncate_from == at(2));
  CHECK(sent_one<append_accepted>(one.step(from(2, 5, append(3, 5)))).match == at(1));
  CHECK(sent_one<append_accepted>(one.settle()).match == at(3));
}

TEST_CASE("what equals the log of one leader is not taken to equal the log of the next") {
  driven one{past(3, 5)};
  (void)one.step(from(2, 5, after(0, 0, {5, 5, 5})));
  (void)one.settle();
  const auto out = one.step(from(3, 6, append(1, 5, {}, 3)));
  CHECK(indexes_of(out.committed) == numbers{1});
  CHECK(sent_one<append_accepted>(one.settle()).match == at(1));
}

TEST_CASE("nothing of a new term leaves before the term is durable") {
  driven one{past(3, 5, log_of({1, 5}))};
  CHECK(one.step(from(2, 6, append(2, 5))).send.empty());
  CHECK(sent_one<append_accepted>(one.settle()).match == at(2));
}

TEST_CASE("a follower commits only as far as its log is known to be the leader's (Raft 5.3)") {
  auto one = follower_with({1, 1, 4, 4});
  const auto out = one.step(from(2, 8, append(2, 1, {}, 4)));
  CHECK(indexes_of(out.committed) == numbers{1, 2});
}

TEST_CASE("a follower hands out what is committed before its own disk has it, each entry once, and acknowledges it after") {
  auto one = follower_with({1});
  const auto out = one.step(from(2, 8, after(1, 1, {8, 8}, 3)));
  CHECK(indexes_of(out.committed) == numbers{1, 2, 3});
  CHECK(out.send.empty());
  const auto settled = one.settle();
  CHECK(settled.committed.empty());
  CHECK(sent_one<append_accepted>(settled).match == at(3));
  CHECK(one.step(from(2, 8, after(1, 1, {8, 8}, 3))).committed.empty());
}

// Defect M1.
TEST_CASE("the commit index of a follower never goes back") {
  auto one = follower_with({1, 1, 4});
  (void)one.step(from(2, 8, append(3, 4, {}, 3)));
  CHECK(one.core.state().commit == at(3));
  (void)one.step(from(2, 8, append(1, 1, {}, 1)));
  CHECK(one.core.state().commit == at(3));
}

// Defect C2: a late append that begins in the dropped prefix is neither refused nor fatal.
TEST_CASE("an append that begins below the dropped prefix is taken from where the log begins") {
  driven one{past(3, 8, log_of({1, 1, 4, 4}))};
  (void)one.step(from(2, 8, append(4, 4, {}, 4, 4)));
  CHECK(one.step(compact{at(3)}).released == position{at(3), term{4}});

  CHECK(sent_one<append_accepted>(one.step(from(2, 8, append(0, 0)))).match == at(4));
  CHECK(sent_one<append_accepted>(one.step(from(2, 8, after(0, 0, {1, 1})))).match == at(4));
  const auto longer = one.step(from(2, 8, after(1, 1, {1, 4, 4, 8})));
  CHECK(indexes_of(longer.append) == numbers{5});
  CHECK(sent_one<append_accepted>(one.settle()).match == at(5));
}

TEST_CASE("a follower keeps what another voter may still ask for") {
  driven one{past(3, 8, log_of({1, 1, 4, 4}))};
  (void)one.step(from(2, 8, append(4, 4, {}, 4, 2)));
  CHECK(one.step(compact{at(4)}).released == position{at(2), term{1}});
  CHECK(one.step(from(2, 8, append(4, 4, {}, 4, 3))).released == position{at(3), term{4}});
}

TEST_CASE("messages that cannot be stop the group and name the reason") {
  auto one = follower_with({1, 1, 4});
  (void)one.step(from(2, 8, append(3, 4, {}, 2)));
  SUBCASE("a committed entry is contradicted") { CHECK(one.step(from(2, 8, after(1, 1, {5}))).failure->code == errc::corrupt); }
  SUBCASE("a second leader shows up in the term") { CHECK(one.step(from(3, 8, append(0, 0))).failure->code == errc::corrupt); }
  SUBCASE("entries have a gap") {
    auto holey = after(3, 4, {8, 8});
    holey.entries.erase(holey.entries.begin());
    CHECK(one.step(from(2, 8, holey)).failure->code == errc::corrupt);
  }
  const auto later = one.step(from(2, 8, append(3, 4)));
  CHECK(later.failure);
  CHECK(later.send.empty());
}

TEST_CASE("messages for others, of nobody and of oneself are ignored") {
  auto one = follower_with({1});
  CHECK(one.step(from(0, 99, append(0, 0))).send.empty());
  CHECK(one.step(from(1, 99, append(0, 0))).send.empty());
  CHECK(one.step(received{message{server(2), server(3), term{99}, append(0, 0)}}).send.empty());
  CHECK(one.current_term() == 8);
}
