#include "unit/raft/builders.hpp"

using namespace troupe;
using namespace troupe::raft;
using namespace troupe::raft::testing;

namespace {

/// A sole voter that leads in term 1, its no-op durable.
machine sole_leader() {
  auto only = opened(past(1));
  for (std::uint64_t n = 1; n <= 2; ++n) (void)only.step(n == 1 ? event{tick{}} : event{persisted{1}}, ms(0));
  (void)only.step(persisted{2}, ms(0));
  return only;
}

}  // namespace

// Defect S5: without a new term two lives of a server could write different entries with the same index and term.
TEST_CASE("a sole voter takes a new term with its own vote at each start, and leads only when they are durable") {
  auto only = opened(past(1, 7, log_of({3, 7})));

  const auto first = only.step(tick{}, ms(0));
  CHECK(first.hard == hard_state{term{8}, server(1)});
  CHECK(first.persist_no == 1);
  CHECK(first.append.empty());
  CHECK(only.state().role == server_role::candidate);

  const auto second = only.step(persisted{1}, ms(5));
  CHECK(second.role == role_change{server_role::leader, term{8}, server(1)});
  REQUIRE(second.append.size() == 1);
  CHECK(second.append[0].kind == entry_kind::no_op);
  CHECK(second.append[0].index == at(3));
  CHECK(second.append[0].at == term{8});
  CHECK(second.committed.empty());

  const auto third = only.step(persisted{2}, ms(9));
  CHECK(terms_of(third.committed) == std::vector<std::uint64_t>{3, 7, 8});
  CHECK(third.wake_at == timestamp::max());
}

TEST_CASE("a sole voter commits what is durable and nothing else") {
  auto only = sole_leader();
  const auto proposed = only.step(propose{{text("a"), text("b")}}, ms(1));
  REQUIRE(proposed.proposed);
  CHECK(proposed.proposed->value().first == at(2));
  CHECK(proposed.proposed->value().at == term{1});
  CHECK(proposed.persist_no == 3);
  CHECK(proposed.committed.empty());
  const auto more = only.step(propose{{text("c")}}, ms(1));
  CHECK(more.persist_no == 4);

  const auto durable = only.step(persisted{3}, ms(2));
  REQUIRE(durable.committed.size() == 2);
  CHECK(*durable.committed[0].payload == "a");
  CHECK(*durable.committed[1].payload == "b");
  CHECK(only.step(persisted{3}, ms(2)).committed.empty());
  CHECK(only.step(persisted{4}, ms(2)).committed.size() == 1);
}
