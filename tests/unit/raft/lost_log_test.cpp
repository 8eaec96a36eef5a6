#include "unit/raft/builders.hpp"

// Goal: a disk that lost what it had acknowledged is found out and counts no more; a refusal that is merely late is not taken for
// it. Method: one leader of three, whose followers' answers are made by hand.

using namespace troupe;
using namespace troupe::raft;
using namespace troupe::raft::testing;

namespace {

/// Server 1 leads three in term 1; its entries 1 and 2 are on all disks.
driven leader_of_three() {
  driven one{past(3)};
  (void)elect(one);
  (void)one.settle();
  (void)one.step(propose{{text("a")}});
  (void)one.settle();
  for (const std::uint64_t other : {2, 3}) (void)one.step(from(other, 1, append_accepted{at(2), 0}));
  REQUIRE(one.core.state().commit == at(2));
  return one;
}

std::uint64_t round_after_heartbeat(driven& one) {
  const auto beat = one.tick_after(100ms);
  REQUIRE_FALSE(sent<append_request>(beat).empty());
  return sent<append_request>(beat)[0].round;
}

}  // namespace

TEST_CASE("a follower that refuses what it had acknowledged has lost its log, and is told of") {
  auto one = leader_of_three();
  const auto round = round_after_heartbeat(one);
  const auto out = one.step(from(3, 1, append_refused{at(2), at(0), term{0}, round}));
  REQUIRE(out.lost_logs.size() == 1);
  CHECK(out.lost_logs[0].who == server(3));
  CHECK(out.lost_logs[0].acknowledged == at(2));
  CHECK(out.lost_logs[0].rejected == at(2));
}

TEST_CASE("a follower without the log that it had counts in no majority and is sent nothing") {
  auto one = leader_of_three();
  const auto round = round_after_heartbeat(one);
  (void)one.step(from(3, 1, append_refused{at(2), at(0), term{0}, round}));
  (void)one.step(propose{{text("b")}});
  (void)one.settle();
  CHECK(one.step(from(3, 1, append_accepted{at(3), round + 1})).committed.empty());
  CHECK(indexes_of(one.step(from(2, 1, append_accepted{at(3), round})).committed) == numbers{3});
  for (const auto& m : one.tick_after(100ms).send) CHECK(m.to == server(2));
  (void)one.step(from(2, 1, append_accepted{at(3), round + 2}));
  CHECK(one.step(from(3, 1, append_refused{at(2), at(0), term{0}, round + 2})).lost_logs.empty());  // once
}

TEST_CASE("a leader whose only other voice lost its log steps down") {
  auto one = leader_of_three();
  auto round = round_after_heartbeat(one);
  (void)one.step(from(3, 1, append_refused{at(2), at(0), term{0}, round}));
  for (int beats = 0; beats < 12; ++beats) {
    (void)one.tick_after(100ms);
    (void)one.step(from(3, 1, append_refused{at(2), at(0), term{0}, ++round}));
  }
  CHECK(one.role() == server_role::follower);
}

TEST_CASE("a refusal from before the follower agreed is late, however late it comes") {
  auto one = leader_of_three();
  const auto round = round_after_heartbeat(one);
  (void)one.step(from(3, 1, append_accepted{at(2), round}));
  const auto out = one.step(from(3, 1, append_refused{at(2), at(1), term{1}, round}));
  CHECK(out.lost_logs.empty());
  (void)one.step(propose{{text("b")}});
  CHECK_FALSE(sent<append_request>(one.tick_after(100ms)).empty());
}

TEST_CASE("a follower that crashed while a snapshot took the place of its log has lost nothing that counts") {
  auto settings = quiet_options();
  settings.kept_bytes_max = bytes{0};
  driven one{past(3), settings};
  (void)elect(one);
  (void)one.settle();
  for (const std::uint64_t other : {2, 3}) (void)one.step(from(other, 1, append_accepted{at(1), 0}));
  (void)one.step(propose{{text("a")}});
  (void)one.settle();
  (void)one.step(from(2, 1, append_accepted{at(2), 0}));
  REQUIRE(one.step(compact{at(2)}).released.has_value());
  (void)one.step(from(3, 1, append_refused{at(2), at(1), term{1}, 0}));
  const auto beat = one.tick_after(100ms);
  REQUIRE(sent<snapshot_offer>(beat).size() == 1);
  const auto round = sent<snapshot_offer>(beat)[0].round;
  CHECK(one.step(from(3, 1, append_refused{at(1), at(0), term{0}, round + 1})).lost_logs.empty());
  CHECK(sent<snapshot_offer>(one.tick_after(100ms)).size() == 1);
}
