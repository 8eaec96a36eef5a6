#include "unit/raft/builders.hpp"

using namespace troupe;
using namespace troupe::raft;
using namespace troupe::raft::testing;

namespace {

/// Server 1 of three, leading in term 1; its no-op is on its disk and that of server 2.
driven leader() {
  driven one{past(3)};
  (void)elect(one);
  (void)one.settle();
  (void)one.step(from(2, 1, append_accepted{at(1)}));
  return one;
}

/// Server 1 of three, following server 2 in term 4.
driven follower_of_two() {
  driven one{past(3)};
  (void)one.step(from(2, 4, append(0, 0)));
  (void)one.settle();
  return one;
}

}  // namespace

TEST_CASE("a read is decided when a majority has answered a round that began after it (thesis 6.4)") {
  auto one = leader();
  const auto asked = one.step(confirm_read{7});
  CHECK(asked.reads.empty());
  const auto requests = sent<append_request>(asked);
  REQUIRE(requests.size() == 2);
  CHECK(one.step(from(3, 1, append_accepted{at(0), requests[0].round - 1})).reads.empty());
  const auto decided = one.step(from(3, 1, append_accepted{at(0), requests[0].round})).reads;
  REQUIRE(decided.size() == 1);
  CHECK(decided[0].number == 7);
  CHECK(decided[0].index.value() == at(1));
  CHECK(one.step(from(2, 1, append_accepted{at(1), requests[0].round})).reads.empty());
}

TEST_CASE("a refused append tells as well that its sender still followed") {
  auto one = leader();
  const auto round = sent<append_request>(one.step(confirm_read{1}))[0].round;
  CHECK(one.step(from(3, 1, append_refused{at(1), at(0), term{0}, round})).reads.size() == 1);
}

TEST_CASE("reads are decided in their order, several by one answer") {
  auto one = leader();
  (void)one.step(confirm_read{1});
  const auto round = sent<append_request>(one.step(confirm_read{2}))[0].round;
  (void)one.step(confirm_read{3});
  const auto decided = one.step(from(2, 1, append_accepted{at(1), round})).reads;
  REQUIRE(decided.size() == 2);
  CHECK(decided[0].number == 1);
  CHECK(decided[1].number == 2);
}

TEST_CASE("a new leader reads no earlier than its own first entry, before which all is that was acknowledged (thesis 6.4)") {
  driven one{past(3, 3, log_of({1, 2, 3}))};
  (void)elect(one);
  const auto round = sent<append_request>(one.step(confirm_read{1}))[0].round;
  const auto decided = one.step(from(2, 4, append_accepted{at(3), round})).reads;
  REQUIRE(decided.size() == 1);
  CHECK(one.core.state().commit == at(0));
  CHECK(decided[0].index.value() == at(4));
}

TEST_CASE("a sole voter decides a read at once") {
  driven one{past(1)};
  (void)one.settle();
  const auto decided = one.step(confirm_read{1}).reads;
  REQUIRE(decided.size() == 1);
  CHECK(decided[0].index.value() == at(1));
}

TEST_CASE("a replica that does not lead decides no read, and one that falls gives up those that wait") {
  auto one = leader();
  (void)one.step(confirm_read{1});
  const auto lost = one.step(from(3, 5, append(0, 0))).reads;
  REQUIRE(lost.size() == 1);
  CHECK(lost[0].number == 1);
  CHECK(lost[0].index.error().code == errc::not_leader);
  const auto refused = one.step(confirm_read{2}).reads;
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].index.error().code == errc::not_leader);
}

TEST_CASE("more reads than are allowed to wait are refused") {
  auto settings = quiet_options();
  settings.reads_max = 2;
  driven one{past(3), settings};
  (void)elect(one);
  (void)one.settle();
  (void)one.step(confirm_read{1});
  (void)one.step(confirm_read{2});
  const auto refused = one.step(confirm_read{3}).reads;
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].index.error().code == errc::queue_full);
}

TEST_CASE("a follower says which round it saw, also when it answers after its write") {
  auto one = follower_of_two();
  auto request = append(0, 0, log_of({4}));
  request.round = 9;
  CHECK(sent<append_accepted>(one.step(from(2, 4, request))).empty());
  CHECK(sent_one<append_accepted>(one.settle()).round == 9);
  CHECK(sent_one<append_accepted>(one.step(from(2, 4, append(1, 4)))).round == 9);
  CHECK(sent_one<append_refused>(one.step(from(2, 4, append(5, 4)))).round == 9);
  (void)one.step(from(3, 5, append(0, 0)));
  CHECK(sent_one<append_accepted>(one.settle()).round == 0);
}

TEST_CASE("the leadership is handed over when the other one holds everything, not before (L4, thesis 3.10)") {
  auto one = leader();
  (void)one.step(propose{{text("a")}});
  const auto begun = one.step(transfer_leadership{server(2)});
  REQUIRE(begun.transferred);
  CHECK(begun.transferred->has_value());
  CHECK(sent<timeout_now>(begun).empty());
  const auto out = one.step(from(2, 1, append_accepted{at(2)}));
  CHECK(sent<timeout_now>(out).size() == 1);
  CHECK(sent<timeout_now>(one.step(from(2, 1, append_accepted{at(2)}))).empty());
}

TEST_CASE("one that is up to date is told at once") {
  auto one = leader();
  CHECK(sent<timeout_now>(one.step(transfer_leadership{server(2)})).size() == 1);
}

TEST_CASE("proposals are refused while the leadership is handed over, and taken again when nothing came of it") {
  auto one = leader();
  (void)one.step(transfer_leadership{server(2)});
  const auto refused = one.step(propose{{text("a")}}).proposed;
  REQUIRE(refused);
  CHECK(refused->error().code == errc::not_leader);
  CHECK(refused->error().retry_after);
  for (int i = 0; i < 11; ++i) {
    (void)one.tick_after(100ms);
    (void)one.step(from(2, 1, append_accepted{at(1)}));
  }
  CHECK(one.step(propose{{text("a")}}).proposed->has_value());
}

TEST_CASE("a transfer to oneself, to a stranger, by a follower or beside another one is refused with a reason") {
  auto one = leader();
  CHECK(one.step(transfer_leadership{server(1)}).transferred->error().code == errc::bad_request);
  CHECK(one.step(transfer_leadership{server(9)}).transferred->error().code == errc::bad_request);
  (void)one.step(transfer_leadership{server(2)});
  CHECK(one.step(transfer_leadership{server(3)}).transferred->error().code == errc::conflict);
  auto other = follower_of_two();
  CHECK(other.step(transfer_leadership{server(3)}).transferred->error().code == errc::not_leader);
}

TEST_CASE("who is told to take over stands for election at once, with a vote that a living leader does not hinder") {
  auto one = follower_of_two();
  CHECK(one.step(from(2, 4, timeout_now{})).hard->current == term{5});
  const auto requests = sent<vote_request>(one.settle());
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].is_transfer);

  auto other = follower_of_two();
  CHECK(other.step(from(3, 5, vote_request{at(0), term{0}, true})).hard->voted_for == server(3));
  auto third = follower_of_two();
  CHECK(third.step(from(3, 5, vote_request{at(0), term{0}, false})).send.empty());
}

TEST_CASE("a later election of the one that was told unseats nobody (L6)") {
  auto one = follower_of_two();
  (void)one.step(from(2, 4, timeout_now{}));
  (void)one.settle();
  const auto again = one.tick_after(2s);
  CHECK(one.role() == server_role::pre_candidate);
  CHECK(sent<vote_request>(again).empty());
}

TEST_CASE("a late word to take over, or one of somebody else, does nothing") {
  auto one = follower_of_two();
  CHECK_FALSE(one.step(from(2, 3, timeout_now{})).hard);
  CHECK_FALSE(one.step(from(3, 4, timeout_now{})).hard);
  CHECK_FALSE(one.step(from(2, 9, timeout_now{})).hard);
  CHECK(one.role() == server_role::follower);
}
