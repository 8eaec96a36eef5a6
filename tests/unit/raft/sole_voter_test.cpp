#include "unit/raft/builders.hpp"

using namespace troupe;
using namespace troupe::raft;
using namespace troupe::raft::testing;

namespace {

/// A sole voter that leads in term 1, its no-op committed.
driven sole_leader(const options& settings = quiet_options()) {
  driven only{past(1), settings};
  (void)only.settle();
  (void)only.settle();
  return only;
}

}  // namespace

// Defect S5: without a new term two lives of a server could write different entries with the same index and term.
TEST_CASE("a sole voter takes a new term with its own vote at each start, and leads only when they are durable") {
  auto only = machine::open(quiet_options(), past(1, 7, log_of({3, 7}))).value();
  const auto now = from_unix_ms(0);

  const auto first = only.step(tick{}, now);
  CHECK(first.hard == hard_state{term{8}, server(1)});
  CHECK(first.persist_no == 1);
  CHECK(first.append.empty());
  CHECK(only.state().role == server_role::candidate);

  const auto second = only.step(persisted{1}, now);
  CHECK(second.role == role_change{server_role::leader, term{8}, server(1)});
  CHECK(terms_of(second.append) == numbers{8});
  CHECK(second.append[0].kind == entry_kind::no_op);
  CHECK(second.committed.empty());

  const auto third = only.step(persisted{2}, now);
  CHECK(terms_of(third.committed) == numbers{3, 7, 8});
  CHECK(third.wake_at == timestamp::max());
}

TEST_CASE("a sole voter commits what is durable and nothing else") {
  auto only = sole_leader();
  const auto proposed = only.step(propose{{text("a"), text("b")}});
  REQUIRE(proposed.proposed);
  CHECK(proposed.proposed->value().first == at(2));
  CHECK(proposed.proposed->value().at == term{1});
  CHECK(proposed.committed.empty());
  const auto more = only.step(propose{{text("c")}});
  CHECK(more.persist_no == proposed.persist_no + 1);

  const auto durable = only.step(persisted{proposed.persist_no});
  REQUIRE(durable.committed.size() == 2);
  CHECK(*durable.committed[0].payload == "a");
  CHECK(*durable.committed[1].payload == "b");
  CHECK(only.step(persisted{proposed.persist_no}).committed.empty());
  CHECK(only.step(persisted{more.persist_no}).committed.size() == 1);
}

TEST_CASE("the bytes of a proposal are written and applied without a copy") {
  auto only = sole_leader();
  const auto bytes_of_client = text("payload");
  const auto out = only.step(propose{{bytes_of_client}});
  CHECK(out.append.at(0).payload == bytes_of_client);
  CHECK(only.settle().committed.at(0).payload == bytes_of_client);
}

TEST_CASE("committed entries go on after the index that the host had applied") {
  auto found = past(1, 4, log_of({1, 2, 4}));
  found.applied = at(2);
  driven only{found};
  (void)only.settle();
  CHECK(indexes_of(only.settle().committed) == numbers{3, 4});
}

TEST_CASE("a sole voter whose disk is slow does not pile up terms") {
  driven only{past(1, 3)};
  CHECK(only.current_term() == 4);
  CHECK(only.tick_after(60s).persist_no == 0);
  CHECK(only.current_term() == 4);
}

TEST_CASE("proposals before the office, without commands or over the bound are refused with a reason") {
  driven only{past(1)};
  CHECK(only.step(propose{{text("early")}}).proposed->error().code == errc::not_leader);
  auto settings = quiet_options();
  settings.uncommitted_bytes_max = bytes{100};
  auto leader = sole_leader(settings);
  CHECK(leader.step(propose{}).proposed->error().code == errc::bad_request);
  CHECK(leader.step(propose{{nullptr}}).proposed->error().code == errc::bad_request);

  CHECK(leader.step(propose{{text(std::string(200, 'x'))}}).proposed->has_value());
  const auto refused = leader.step(propose{{text("y")}});
  CHECK(refused.proposed->error().code == errc::queue_full);
  CHECK(refused.proposed->error().retry_after);
  CHECK(refused.persist_no == 0);
  (void)leader.settle();
  CHECK(leader.step(propose{{text("y")}}).proposed->has_value());
}

TEST_CASE("a snapshot releases the log before it, and the machine can be opened again from there") {
  auto leader = sole_leader();
  (void)leader.step(propose{{text("a"), text("b"), text("c")}});
  (void)leader.settle();
  const auto out = leader.step(compact{at(3)});
  CHECK(out.released == position{at(3), term{1}});
  CHECK(leader.core.state().base == at(3));

  auto found = past(1, 1, log_of({1}, 3));
  found.snapshot_index = at(3);
  found.snapshot_term = term{1};
  found.applied = at(3);
  driven again{found};
  (void)again.settle();
  CHECK(indexes_of(again.settle().committed) == numbers{4, 5});
}

TEST_CASE("a host that contradicts itself stops this group and nothing else") {
  auto leader = sole_leader();
  SUBCASE("a write is durable that was never handed out") {
    CHECK(leader.step(persisted{99}).failure->code == errc::bad_request);
  }
  SUBCASE("a snapshot holds what was never committed") { CHECK(leader.step(compact{at(9)}).failure->code == errc::bad_request); }
  const auto after = leader.step(propose{{text("a")}});
  CHECK(after.failure);
  CHECK_FALSE(after.proposed);
  CHECK(after.persist_no == 0);
  CHECK(after.wake_at == timestamp::max());
}
