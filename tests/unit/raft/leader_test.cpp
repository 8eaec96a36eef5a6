#include "unit/raft/builders.hpp"

using namespace troupe;
using namespace troupe::raft;
using namespace troupe::raft::testing;

namespace {

/// Server 1 of three, leading in the term after `current`; its no-op is on its disk.
driven leader_with(std::initializer_list<std::uint64_t> terms, std::uint64_t current, const options& settings = quiet_options()) {
  driven one{past(3, current, log_of(terms)), settings};
  (void)elect(one);
  (void)one.settle();
  return one;
}

update propose_text(driven& one, std::string what) { return one.step(propose{{text(std::move(what))}}); }

numbers sent_indexes(const update& out, std::uint64_t to) {
  numbers indexes;
  for (const auto& m : out.send)
    if (const auto* const request = std::get_if<append_request>(&m.body); request && m.to == server(to))
      for (const auto& e : request->entries) indexes.push_back(e.index.raw());
  return indexes;
}

/// Delivers what the two machines say to each other, and does their writes, until both are quiet.
/// @returns what the second one handed out as committed.
std::vector<entry> converse(driven& one, driven& other, std::vector<message> mail) {
  std::vector<entry> committed;
  for (int rounds = 0; !mail.empty() && rounds < 100; ++rounds) {
    const auto now = std::move(mail);
    mail.clear();
    for (const auto& m : now) {
      if (m.to != server(1) && m.to != server(2)) continue;
      auto& target = m.to == server(1) ? one : other;
      for (const auto& out : {target.step(received{m}), target.settle()}) {
        REQUIRE_FALSE(out.failure);
        mail.insert(mail.end(), out.send.begin(), out.send.end());
        if (&target == &other) committed.insert(committed.end(), out.committed.begin(), out.committed.end());
      }
    }
  }
  CHECK(mail.empty());
  return committed;
}

}  // namespace

TEST_CASE("a leader's entries leave at once and its own copy counts only when durable (thesis 10.2.1)") {
  auto one = leader_with({}, 0);
  (void)one.step(from(2, 1, append_accepted{at(1)}));
  const auto out = propose_text(one, "a");
  CHECK(sent_indexes(out, 2) == numbers{2});
  CHECK(one.step(from(2, 1, append_accepted{at(2)})).committed.empty());
  CHECK(one.core.state().commit == at(1));
  CHECK(indexes_of(one.settle().committed) == numbers{2});
}

TEST_CASE("entries that a majority of others holds are committed and handed out before the own disk has them (thesis 10.2.1)") {
  auto one = leader_with({}, 0);
  (void)one.step(from(2, 1, append_accepted{at(1)}));
  (void)one.step(from(3, 1, append_accepted{at(1)}));
  (void)propose_text(one, "a");
  (void)one.step(from(2, 1, append_accepted{at(2)}));
  const auto out = one.step(from(3, 1, append_accepted{at(2)}));
  CHECK(one.core.state().commit == at(2));
  CHECK(one.core.state().durable == at(1));
  CHECK(indexes_of(out.committed) == numbers{2});
  CHECK(one.settle().committed.empty());
}

TEST_CASE("a leader whose disk lags too far behind what the others hold takes no more until it has caught up") {
  auto one = leader_with({}, 0);
  (void)one.step(from(2, 1, append_accepted{at(1)}));
  (void)one.step(from(3, 1, append_accepted{at(1)}));
  const std::string large(std::size_t{16} << 20, 'x');
  int taken = 0;
  while (propose_text(one, large).proposed->has_value()) {
    REQUIRE(++taken < 10);
    const auto last = one.core.state().last;
    (void)one.step(from(2, 1, append_accepted{last}));
    (void)one.step(from(3, 1, append_accepted{last}));
    CHECK(one.core.state().commit == last);
  }
  CHECK(taken == 4);
  (void)one.settle();
  CHECK(propose_text(one, "a").proposed->has_value());
}

TEST_CASE("a leader commits no entry of an older term by counting copies (Raft 5.4.2, figure 8)") {
  auto one = leader_with({1, 2}, 3);
  CHECK(one.step(from(2, 4, append_accepted{at(2)})).committed.empty());
  CHECK(one.step(from(3, 4, append_accepted{at(2)})).committed.empty());
  CHECK(one.core.state().commit == at(0));
  CHECK(terms_of(one.step(from(2, 4, append_accepted{at(3)})).committed) == numbers{1, 2, 4});
}

TEST_CASE("a leader brings every log of figure 7 to its own") {
  const std::initializer_list<std::initializer_list<std::uint64_t>> logs{
      {1, 1, 1, 4, 4, 5, 5, 6, 6},          {1, 1, 1, 4},          {1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6},
      {1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7}, {1, 1, 1, 4, 4, 4, 4}, {1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3}};
  for (const auto& log : logs) {
    driven one{past(3, 7, log_of({1, 1, 1, 4, 4, 5, 5, 6, 6, 6}))};
    driven other{past(3, 7, log_of(log)), quiet_options(2)};
    const auto start = elect(one);
    (void)one.settle();
    const auto committed = converse(one, other, start.send);
    CHECK(terms_of(committed) == numbers{1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 8});
    CHECK(other.core.state().last == one.core.state().last);
  }
}

TEST_CASE("a hint leads over a whole term of conflicts in one step (Raft 5.3)") {
  auto one = leader_with({1, 1, 1, 5, 5, 5}, 5);
  const auto out = one.step(from(2, 6, append_refused{at(6), at(6), term{4}}));
  CHECK(sent_indexes(out, 2) == numbers{4, 5, 6, 7});
}

// Defect C1.
TEST_CASE("a late refusal below what a follower has since agreed to is dropped") {
  auto one = leader_with({1, 1, 1, 1}, 1);
  (void)one.step(from(2, 2, append_accepted{at(5)}));
  CHECK(one.step(from(2, 2, append_refused{at(4), at(2), term{1}})).send.empty());
  CHECK(sent_indexes(propose_text(one, "a"), 2) == numbers{6});
}

TEST_CASE("a refusal that answers an older probe is dropped") {
  auto one = leader_with({1, 1, 1, 1}, 1);
  CHECK(sent_indexes(one.step(from(2, 2, append_refused{at(4), at(2), term{1}})), 2) == numbers{3, 4, 5});
  CHECK(one.step(from(2, 2, append_refused{at(4), at(1), term{1}})).send.empty());
}

// Defect S1, the leader's side: what a follower held in an older term it may have replaced since.
TEST_CASE("an acknowledgement of an older term counts for nothing") {
  auto one = leader_with({1, 2}, 3);
  const auto out = one.step(from(2, 3, append_accepted{at(3)}));
  CHECK(out.committed.empty());
  CHECK(one.core.state().commit == at(0));
}

TEST_CASE("a follower that claims more than the leader has stops the group") {
  auto one = leader_with({}, 0);
  CHECK(one.step(from(2, 1, append_accepted{at(9)})).failure->code == errc::corrupt);
}

TEST_CASE("appends follow each other unanswered up to the in-flight limit (thesis 10.2.1)") {
  auto settings = quiet_options();
  settings.inflight_max = 2;
  settings.append_bytes_least = bytes{0};
  auto one = leader_with({}, 0, settings);
  (void)one.step(from(2, 1, append_accepted{at(1)}));
  CHECK(sent_indexes(propose_text(one, "a"), 2) == numbers{2});
  CHECK(sent_indexes(propose_text(one, "b"), 2) == numbers{3});
  CHECK(sent_indexes(propose_text(one, "c"), 2).empty());
  CHECK(sent_indexes(propose_text(one, "d"), 2).empty());
  CHECK(sent_indexes(one.step(from(2, 1, append_accepted{at(2)})), 2) == numbers{4, 5});
}

TEST_CASE("little waits for the answer to what is on its way, and goes in one message then; much does not wait") {
  auto settings = quiet_options();
  settings.append_bytes_least = bytes{1000};
  auto one = leader_with({}, 0, settings);
  (void)one.step(from(2, 1, append_accepted{at(1)}));
  CHECK(sent_indexes(propose_text(one, "a"), 2) == numbers{2});
  CHECK(sent_indexes(propose_text(one, "b"), 2).empty());
  CHECK(sent_indexes(propose_text(one, "c"), 2).empty());
  const auto out = one.step(from(2, 1, append_accepted{at(2)}));
  CHECK(sent_indexes(out, 2) == numbers{3, 4});
  CHECK(sent<append_request>(out).size() == 1);
  CHECK(sent_indexes(propose_text(one, std::string(1000, 'd')), 2) == numbers{5});
}

TEST_CASE("an append message keeps to its byte limit") {
  auto settings = quiet_options();
  settings.append_bytes_max = bytes{300};
  settings.append_bytes_least = bytes{0};
  auto one = leader_with({}, 0, settings);
  (void)one.step(from(2, 1, append_accepted{at(1)}));
  const auto out = one.step(propose{{text(std::string(100, 'a')), text(std::string(100, 'b')), text(std::string(900, 'c'))}});
  std::vector<std::size_t> sizes;
  for (const auto& m : out.send)
    if (m.to == server(2)) sizes.push_back(std::get<append_request>(m.body).entries.size());
  CHECK(sizes == std::vector<std::size_t>{2, 1});
}

TEST_CASE("a lost append is found by the next heartbeat and sent again") {
  auto one = leader_with({}, 0);
  (void)one.step(from(2, 1, append_accepted{at(1)}));
  (void)propose_text(one, "lost");
  const auto beat = one.tick_after(100ms);
  const auto& to_2 = std::get<append_request>(beat.send.at(0).body);
  CHECK(beat.send[0].to == server(2));
  CHECK(to_2.prev_index == at(2));
  CHECK(to_2.entries.empty());
  CHECK(sent_indexes(one.step(from(2, 1, append_refused{at(2), at(1), term{1}})), 2) == numbers{2});
}

TEST_CASE("a silent follower gets heartbeats but no entries again and again") {
  auto one = leader_with({}, 0);
  (void)propose_text(one, "a");
  for (int i = 0; i < 5; ++i) CHECK(sent_indexes(one.tick_after(100ms), 3).empty());
}

TEST_CASE("a leader speaks at each heartbeat and asks to be woken for the next one (Raft 5.2)") {
  auto one = leader_with({}, 0);
  const auto out = one.tick_after(100ms);
  CHECK(sent<append_request>(out).size() == 2);
  CHECK(out.wake_at == one.now + 100ms);
  CHECK(one.tick_after(50ms).send.empty());
}

TEST_CASE("an idle follower is told of a commit at once") {
  auto one = leader_with({}, 0);
  const auto out = one.step(from(2, 1, append_accepted{at(1)}));
  CHECK(sent_one<append_request>(out).commit == at(1));
  CHECK(one.step(from(2, 1, append_accepted{at(1)})).send.empty());
}

TEST_CASE("an idle follower on which nobody waits is told of a commit with the next entries, or after a while") {
  auto settings = quiet_options();
  settings.commit_notice_after = 5ms;
  auto one = leader_with({}, 0, settings);
  const auto first = one.step(from(2, 1, append_accepted{at(1)}));
  CHECK(first.send.empty());
  CHECK(first.wake_at == one.now + 5ms);
  CHECK(one.tick_after(4ms).send.empty());
  CHECK(sent_one<append_request>(one.tick_after(1ms)).commit == at(1));
  (void)propose_text(one, "a");
  (void)one.settle();
  CHECK(one.step(from(2, 1, append_accepted{at(2)})).send.empty());
  const auto with_entries = sent<append_request>(propose_text(one, "b"));
  REQUIRE_FALSE(with_entries.empty());
  CHECK(with_entries[0].commit == at(2));
  CHECK(with_entries[0].entries.size() == 1);
  CHECK(one.tick_after(5ms).send.empty());
}

TEST_CASE("where somebody waits for a commit it is told at once, be the follower busy or not") {
  auto settings = quiet_options();
  settings.commit_notice_after = 5ms;
  auto one = leader_with({}, 0, settings);
  (void)one.step(from(2, 1, append_accepted{at(1)}));
  (void)one.step(from(3, 1, append_accepted{at(1)}));
  (void)one.step(propose{{text("a")}, {server(3)}});
  (void)one.settle();
  const auto out = one.step(from(2, 1, append_accepted{at(2)}));
  REQUIRE(out.send.size() == 1);
  CHECK(out.send[0].to == server(3));
  CHECK(std::get<append_request>(out.send[0].body).commit == at(2));
  CHECK(std::get<append_request>(out.send[0].body).entries.empty());
}

TEST_CASE("who acknowledged an entry before the leader's disk had it is told of the commit when that has it, too") {
  auto one = leader_with({}, 0);
  (void)one.step(from(2, 1, append_accepted{at(1)}));
  (void)one.step(from(3, 1, append_accepted{at(1)}));
  (void)propose_text(one, "a");
  CHECK(one.step(from(2, 1, append_accepted{at(2)})).send.empty());
  const auto out = one.settle();
  REQUIRE(out.send.size() == 1);
  CHECK(out.send[0].to == server(2));
  CHECK(std::get<append_request>(out.send[0].body).commit == at(2));
}

TEST_CASE("many proposals of one event are one write and one message to each follower") {
  auto one = leader_with({}, 0);
  (void)one.step(from(2, 1, append_accepted{at(1)}));
  (void)one.step(from(3, 1, append_accepted{at(1)}));
  const auto out = one.step(propose{std::vector<shared_bytes>(100, text("a"))});
  CHECK(out.append.size() == 100);
  CHECK(out.send.size() == 2);
}

TEST_CASE("the log is released when a snapshot holds it and all voters have it on disk") {
  auto one = leader_with({}, 0);
  (void)one.step(from(2, 1, append_accepted{at(1)}));
  (void)propose_text(one, "a");
  (void)one.settle();
  (void)one.step(from(2, 1, append_accepted{at(2)}));
  CHECK_FALSE(one.step(compact{at(2)}).released);
  CHECK(one.step(from(3, 1, append_accepted{at(1)})).released == position{at(1), term{1}});
  CHECK(one.step(from(3, 1, append_accepted{at(2)})).released == position{at(2), term{1}});
}

TEST_CASE("a leader that fell takes no proposals, and the entries of its time can be replaced") {
  auto one = leader_with({}, 0);
  (void)propose_text(one, "doomed");
  (void)one.step(from(3, 5, append(0, 0)));
  CHECK(propose_text(one, "late").proposed->error().code == errc::not_leader);
  const auto out = one.step(from(3, 5, append(1, 1, log_of({5}, 1))));
  CHECK(out.truncate_from == at(2));
  CHECK(terms_of(out.append) == numbers{5});
}
